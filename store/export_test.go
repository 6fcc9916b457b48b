package store

// ReadMigrations is for the tests, which are outside the package.
var ReadMigrations = readMigrations
