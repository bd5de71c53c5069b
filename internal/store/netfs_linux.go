package store

import "syscall"

// networkNames are the magic numbers of statfs(2) for file systems that other machines may write to.
var networkNames = map[uint32]string{
	0x6969:     "NFS",
	0x517B:     "SMB",
	0xFF534D42: "CIFS",
	0xFE534D42: "SMB2",
	0x01021997: "9P",
	0x00C36400: "Ceph",
	0x47504653: "GPFS",
	0x0BD00BD0: "Lustre",
	0x5346414F: "AFS",
}

// networkFS returns the name of the network file system that folder lies on, or "".
func networkFS(folder string) string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return ""
	}
	return networkNames[uint32(s.Type)] //nolint:gosec // the numbers are 32 bits wide on every architecture
}
