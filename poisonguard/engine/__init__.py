"""Plan, fold, merge, judge, score: the only place where data meet checks."""
