"""Report of a search as one HTML file.

It opens without a network.

- `page`             the page: template.html, style.css, draw.js and Plotly
- `watch`            the page of a running search, written anew until it ends
- `policy`           its content security policy
- `trial_figures`    intervals, cost
- `curve_figures`    history, learning curves
- `search_figures`   rungs, timeline of the slots
- `setting_figures`  parallel coordinates, each value against the result
- `importance`       importance of each key
- `look`             colours, symbols and layout that figures share
- `thinning`         the choice of trials to draw when there are many
- `utterance_table`  the winner's utterances beside those of others

The sentences come from `report.story`, as on a terminal: a new section is one more line in `page`.
"""
