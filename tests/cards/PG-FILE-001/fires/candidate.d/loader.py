import datasets


class Rows(datasets.GeneratorBasedBuilder):
    pass
