// Package crashtest holds the tests that cut the power, and fail each file
// operation in turn, while a mailbox is kept by package index. They stand apart
// since package index knows nothing but the file system and the contract.
package crashtest
