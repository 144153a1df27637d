package report

// BuildOn lets tests build many reports on definitions that are compiled once.
var BuildOn = buildOn
