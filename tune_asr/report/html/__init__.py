"""The report of a search as one HTML file that opens without a network.

- `page`            the page: template.html, style.css, draw.js and Plotly under a content security policy
- `study`           the search as an Optuna study
- `optuna_figures`  what Optuna draws of it
- `figures`         what we draw: rungs, intervals, cost, timeline
- `figure`          what all figures have in common
- `utterances`      the winner's utterances beside others'

The sentences are those of `record.story`, as on a terminal; so a new section there is one more line in `page`.
"""
