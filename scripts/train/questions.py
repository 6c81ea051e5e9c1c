"""Templates of made-up questions for each corpus; quoting.py fills them. {a} {b} {c}: words of the sentence asked for,
{name}: whose or which document it is, {year}: of a speech."""

SPEECH_ONE = """What was said about {a}?|What do the speeches say about {a}?|What did presidents say about {a}?|What did {name} say about {a}?
Why is {a} important?|Why does {a} matter?|How should the country deal with {a}?|How was {a} described?|Tell me about {a}.
What is the position on {a}?|What about {a}?|{a}|What should be done about {a}?|What happened with {a}?|Who spoke about {a}?
Did anyone mention {a}?|What is the case for {a}?|How did {name} explain {a}?|Explain {a}.|In {year}, what was said about {a}?
Give me a quote on {a}.|Is there anything on {a}?|What are the views on {a}?|Why did the government care about {a}?
Should we worry about {a}?|When was {a} discussed?|What does {name} think of {a}?|What was the state of {a} in {year}?
How did the nation handle {a}?|What problems were there with {a}?|What was promised about {a}?|What is known of {a}?
How important was {a} to the country?|What did the president ask Congress to do about {a}?|What reasons were given for {a}?
How did leaders defend {a}?|Is {a} good for the people?|What became of {a}?|Where does the record mention {a}?|Who supports {a}?"""
SPEECH_TWO = """What is the connection between {a} and {b}?|How does {a} affect {b}?|What was said about {a} and {b}?|How can {a} help {b}?
Why does {a} need {b}?|What did {name} say about {a} and {b}?|Tell me about {a} and {b}.|Did {a} change {b}?
What was done about {a} for {b}?|How was {a} linked to {b}?|In {year}, what about {a} and {b}?|Does {b} depend on {a}?"""
SPEECH_THREE = """What about {a}, {b} and {c}?|How do {a} and {b} bear on {c}?|{a}, {b}, {c}|What was said of {a} when {b} met {c}?"""

LAW_ONE = """What does the {name} say about {a}?|What does {name} require about {a}?|May I use {a}?|What are the terms on {a}?|{a}
Which licence mentions {a}?|What is said about {a}?|Under the {name}, what about {a}?|Does the {name} cover {a}?|Explain {a}.
What happens to {a}?|Who is liable for {a}?|Is {a} allowed?|Is there a clause on {a}?|What must I do about {a}?|Define {a}.
What is meant by {a}?|Can I distribute {a}?|What conditions apply to {a}?|When does {a} end?|What about {a}?|Tell me about {a}.
How does the {name} treat {a}?|What do licences say about {a}?|Does {name} forbid {a}?|What rights are there in {a}?
Must I keep {a}?|How is {a} granted?|What is the rule for {a}?|Who may give {a}?|Does {a} need permission?|Quote the part on {a}."""
LAW_TWO = """What is the link between {a} and {b}?|Does {a} apply to {b}?|What does the {name} say about {a} and {b}?|Can {a} be used with {b}?
What if {a} includes {b}?|Must {a} come with {b}?|Tell me about {a} and {b}.|Does {name} allow {a} for {b}?|Who decides on {a} and {b}?
Under {name}, may {a} go with {b}?|Is {a} needed for {b}?"""
LAW_THREE = """What about {a}, {b} and {c}?|How do {a} and {b} bear on {c}?|{a}, {b}, {c}|May {a} and {b} be used for {c}?"""

CODE_ONE = """What does {a} do?|What is {a}?|How does {a} work?|When should I use {a}?|What is {a} for?|{a}|Explain {a}.|Tell me about {a}.
What does {name} say about {a}?|How does {name} handle {a}?|Why is {a} needed?|What are the requirements of {a}?|Is {a} safe?
What are the risks of {a}?|When does {a} revert?|What happens with {a}?|How do I prevent {a}?|How can I use {a}?|What about {a}?
What does {a} return?|Who can call {a}?|What should I know about {a}?|In {name}, what is {a}?|Describe {a}.|What protects {a}?
Can {a} be changed?|How is {a} checked?|What does {a} mean?|Does {name} support {a}?|What is the purpose of {a}?|Where is {a} used?
Quote the documentation on {a}."""
CODE_TWO = """What is the difference between {a} and {b}?|How does {a} affect {b}?|Does {a} need {b}?|How are {a} and {b} related?
In {name}, what about {a} and {b}?|Can {a} be used with {b}?|What happens to {b} after {a}?|Tell me about {a} and {b}.
Why does {a} check {b}?|How does {name} use {a} for {b}?|When does {a} change {b}?"""
CODE_THREE = """What about {a}, {b} and {c}?|How do {a} and {b} bear on {c}?|{a}, {b}, {c}|What does {a} do with {b} and {c}?"""


def templates(corpus):
    """{1: [...], 2: [...], 3: [...]}, by how many phrases they take."""
    chosen = {
        "public-speech": (SPEECH_ONE, SPEECH_TWO, SPEECH_THREE),
        "law": (LAW_ONE, LAW_TWO, LAW_THREE),
        "contract-security": (CODE_ONE, CODE_TWO, CODE_THREE),
    }[corpus]
    return {n: text.replace("\n", "|").split("|") for n, text in enumerate(chosen, 1)}
