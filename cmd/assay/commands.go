package main

// Verbs that do not ask an office; those that do stand beside their flags in
// verbs*.go.

func demoCommands() []command {
	return []command{
		{"demo", "", "four offices on this machine: certified in one nation, designated in the other", timed(runDemo)},
	}
}

func ruleCommands() []command {
	return []command{
		{"catalog", "list|show|lint", "the rules as data: schemes, arrangements, markets", plain(runCatalog)},
		{"assess", "FILE", "which levels a product reaches, and what is missing", plain(runAssess)},
	}
}

func officeCommands() []command { return nil }
