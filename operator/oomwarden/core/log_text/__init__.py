"""Kernel logs as people have them: dmesg, journalctl, syslog files, tickets, Events."""
