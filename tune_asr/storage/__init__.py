"""Durable files and locks. Imports `errors` alone.

atomic      files and folders that are complete or absent
errors      errors of the file system as messages
files       content and durability of single files
job_copy    copy of a working directory that Ray makes for a job, and removes
locks       a file owned by one process at a time
owned       folders of one process, removed with it
outputs     files that a flag names, which replace only earlier ones
temporary   temporary names, and the remains of killed processes
"""
