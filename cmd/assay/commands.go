package main

// Verbs that do not ask an office; those that do stand beside their flags in
// verbs*.go.

func demoCommands() []command { return nil }

func ruleCommands() []command {
	return []command{
		{"assess", "FILE", "which levels a product reaches, and what is missing", plain(runAssess)},
		{"catalog", "list|show|lint", "the schemes, arrangements and rules, with their sources", plain(runCatalog)},
	}
}

func officeCommands() []command { return nil }
