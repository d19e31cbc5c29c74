"""A labelled data set in, the papers' metrics and tables out."""
