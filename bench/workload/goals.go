package workload

// cpu bounds the CPU time for one unit as a part of a peer's.
func cpu(p Peer, max float64) Bound { return Bound{CPU, p, max} }

// against bounds the CPU time as a part of that of Dovecot as it is commonly run.
func against(max float64) Goal { return Goal{cpu(Packaged, max)} }
