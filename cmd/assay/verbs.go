package main

func decisionCommands() []command { return nil }
func actCommands() []command      { return nil }
func peerCommands() []command     { return nil }
func registerCommands() []command { return nil }
