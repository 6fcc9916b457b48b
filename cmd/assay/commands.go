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
		{"catalog", "list|show|lint|export", "the rules as data: schemes, arrangements, markets", plain(runCatalog)},
		{"evidence", "COMMAND", "a maker's evidence: begin it, check it, sign reports, see what a change makes stale", runEvidence},
		{"assess", "BUNDLE", "which levels a product reaches, and what is missing", runAssess},
		{"lab", "COMMAND", "tests of firmware, devices and disclosure policies that end in evidence", runLab},
		{"advise", "[BUNDLE]", "which level suits which product", runAdvise},
		{"corpus", "run [DIR]", "conformance cases for recognition; --mutate changes every clause field", plain(runCorpus)},
	}
}

func officeCommands() []command {
	return []command{
		{"init", "DIR", "found an office: database, keys, a token for each person", runInit},
		{"serve", "DIR", "run it", runServe},
		{"keys", "new|act|show|use DIR", "replace its keys", runKeys},
		{"backup", "DIR FILE", "write its database to a file, while it serves", runBackup},
		{"restore", "FILE DIR", "put a backup back, unless that would fork the log", runRestore},
		{"log", "fsck URL|DIR|FILE", "check a whole log, entry by entry", runLog},
		{"rebuild", "URL|DIR|FILE --into DB", "make the public register again from a log alone", runRebuild},
	}
}
