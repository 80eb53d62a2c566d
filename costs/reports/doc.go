// Package reports is what a ledger's entries say: tables, trends, anomalies,
// suggestions, projections, and exports for other programs. It is pure: the same
// entries, budget, prices and time give the same bytes.
//
//	[NewDashboard]   entries → [Dashboard]: all figures, for machines
//	[Dashboard.Page] figures → [Page]: headings, tables and charts, of no format
//	[Page]           → text, Markdown or one HTML page
//	[Focus], [Hledger]  entries → a file for other programs
//
// Every part of a table adds up to its total, exactly: what has no model, feature
// or branch has a row of its own.
package reports
