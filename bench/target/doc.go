// Package target starts servers to measure: this tree's own and Dovecot in some
// configurations and releases, each with loopback addresses, settings, a certificate and a copy
// of the mail of its own.
//
// What they are asked to do is made equal where that is possible. All read one
// passwd-file whose passwords are in clear text, so that none pays for a hash. All
// make mail durable as they do by default. All have the same certificate. Their
// limits are far above what the workloads ask.
//
// What a server has used is that of all its processes, those that have ended
// included: from a control group of its own where the machine lets us make one, and
// else from /proc.
package target
