"""Programs that tests start: a training to be killed, several trainings of one group, an engine in another Python."""
