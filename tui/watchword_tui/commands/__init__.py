"""The commands of `watchword`, a module each; none imports Textual."""
