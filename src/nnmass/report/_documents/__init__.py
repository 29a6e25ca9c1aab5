"""Results read back from files, each as a page or as a part of one."""
