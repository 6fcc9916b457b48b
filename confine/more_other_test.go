//go:build !linux

package confine

var more = map[string]func(parent int) error{}
