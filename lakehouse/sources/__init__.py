"""Sources: one folder per outside format, its contracts and the SQL that maps it onto the shop's feeds."""
