"""The commands of `watchword-server`, one file for each group; loaded when one of the group is used."""
