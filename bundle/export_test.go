package bundle

import "reflect"

// TextTypes are the types that the files of a bundle are parsed into, by kind, as
// far as they are this package's own.
var TextTypes = map[string]reflect.Type{
	"product": reflect.TypeFor[productText](),
	"ics":     reflect.TypeFor[icsText](),
	"ixit":    reflect.TypeFor[tableText](),
	"claims":  reflect.TypeFor[claimsText](),
}
