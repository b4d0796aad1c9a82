"""Report of a search as one HTML file that opens without a network.

- `page`             the page: template.html, style.css, draw.js and Plotly under a content security policy
- `trial_figures`    intervals, history, learning curves, cost
- `search_figures`   rungs, timeline of the slots
- `setting_figures`  parallel coordinates, each value against the result
- `importance`       the one figure that Optuna computes
- `axes`             searched keys as axes: names, scales, ticks
- `look`             colours, symbols and layout that figures share
- `thinning`         the choice of trials to draw when there are many
- `utterance_table`  the winner's utterances beside those of others

The sentences are those of `report.story`, as on a terminal: a new section is one more line in `page`.
"""
