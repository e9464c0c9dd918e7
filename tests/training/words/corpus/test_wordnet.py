from training.words.corpus.wordnet import WordNet


def test_a_synset_has_its_words_gloss_and_examples(wordnet: WordNet):
    crane = wordnet.nouns[400]
    assert crane.lemmas == ("crane", "wading bird")
    assert crane.gloss == "a long-necked bird"
    assert crane.examples == ("a crane waded",)
    assert crane.topic == 5


def test_names_are_distinguished_from_kinds(wordnet: WordNet):
    assert wordnet.nouns[600].instance
    assert not wordnet.nouns[500].instance


def test_senses_are_in_their_order_and_lower_case(wordnet: WordNet):
    assert wordnet.senses["crane"] == (500, 400)
    assert wordnet.senses["notre dame"] == (600,)


def test_tagged_words_are_in_everyday_use(wordnet: WordNet):
    assert wordnet.common == {"animal", "crane", "entity", "wolf"}


def test_the_hierarchy_is_walked_both_ways(wordnet: WordNet):
    assert list(wordnet.above(400)) == [200, 100]
    assert set(wordnet.below(100)) == {200, 300, 400, 500, 600}


def test_irregular_plurals_and_other_parts_of_speech(wordnet: WordNet):
    assert wordnet.plurals["wolf"] == "wolves"
    assert wordnet.plurals["wading bird"] == "wading birds"
    assert wordnet.others["verb"][700].lemmas == ("stand up", "rise")
    assert wordnet.others["adj"][900].lemmas == ("red",)
