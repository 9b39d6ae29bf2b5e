"""Words by kind, as far as an instruction's root verb and object hang on them. Knows nothing else."""

from __future__ import annotations


def _pairs(text: str) -> dict[str, str]:
    """`form:lemma` words as a dictionary."""
    return {form: lemma for form, _, lemma in (pair.partition(":") for pair in text.split())}


VERBS = frozenset(
    """
    accept access achieve act adapt add address adjust adopt advise affect agree aim allow analyze analyse animate
    announce answer apply appoint appraise approximate argue arrange articulate ask assemble assess assign assist
    assume attempt attend author automate avoid back balance base beat become begin believe belong bring brainstorm
    break bring build buy calculate call capitalize capture care carry catch categorize cause celebrate change
    characterize chart chase check choose cite clarify classify clean clear climb close cluster code collaborate
    collect color combine come comment communicate compare compile complete compose comprehend compress compute
    conceive conceptualize conclude conduct configure confirm connect consider consist construct consult contain
    continue contrast contribute control convert convey convince cook copy correct correlate cost count cover craft
    create critique crop cross customize cut deal debate debug decide declare decode decorate decrease deduce define
    deliver demonstrate depend depict derive describe deserve design destroy detail detect determine develop devise
    diagnose dictate differ differentiate direct disagree discover discuss display dissect distinguish divide do
    document draft draw drink drive drop eat edit elaborate eliminate embed emphasize employ enable encode encounter
    encourage end enhance enjoy enlist ensure enter enumerate envision equal establish estimate evaluate examine
    exchange execute exercise exist expand expect experience explain explore express extend extract face fall feed feel
    fetch fight figure fill filter finalize find finish fit fix flip focus follow forecast forget form format formulate
    frame gain gather generate get give go grade group grow guess guide hand handle happen have hear help hide highlight
    hike hire hold hypothesize identify illustrate imagine implement improve improvise include incorporate increase
    indicate infer inform insert install integrate interpret interview introduce invent invest investigate invite
    involve issue join judge jump justify keep kill know label launch lead learn leave lend let limit link list listen
    live locate log look lose love make manage manipulate map mark match matter mean measure meet memorize mention merge
    mimic mix model modify monitor move multiply name narrate need negotiate normalize note number observe obtain offer
    open operate optimize order organize outline output own pack paint paraphrase parse participate pass pay perform
    personify persuade pick pitch place plan plant play plot point pose position post practice predict prepare present
    preserve pretend prevent print prioritize process produce program promote pronounce proofread propose prove provide
    publish punctuate purchase put quantify query question quote raise randomize rank rate reach react read realize
    rearrange reason recall receive recite recognize recommend reconstruct record redesign redo reduce refactor refer
    refine reflect refute regard relate remain remember remove rename render reorder reorganize repeat rephrase replace
    reply report represent request require research resolve respond restate restore restructure retell return reverse
    review revise reword rewrite rhyme ride roleplay roll rotate round run save say scan schedule score search see seek
    seem segment select sell send separate sequence serve set settle share shift shorten show shuffle simplify simulate
    sing sit sketch skip sleep solve sort speak specify spell spend split spot stand start state stay step stop store
    structure study submit substitute subtract succeed suggest sum summarize summarise summerize supply support suppose
    surprise survey survive swap synthesize tabulate tag take talk teach tell tend test think throw title toast total
    touch trace track trade train transcribe transfer transform translate travel treat trim try turn type understand
    unscramble update upgrade upload use utilize validate verify view visit visualize vote wait walk want warn wash
    watch wear weigh win wish wonder work write
    encompass reformat deduplicate concatenate alphabetize underline replicate categorise organise recognise utilise
    optimise visualise emphasise prioritise minimise minimize maximise maximize customise criticize criticise deconstruct
    contextualize hypothesise theorize theorise dramatize rap mock roast defend advocate assert recreate reimagine
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
"""Base forms of verbs that instructions begin with, and those that tell a story's sentence."""

IRREGULAR_VERBS: dict[str, str] = _pairs(
    """
    am:be is:be are:be was:be were:be been:be being:be has:have had:have having:have does:do did:do done:do doing:do
    went:go gone:go goes:go made:make said:say took:take taken:take came:come saw:see seen:see knew:know known:know
    got:get gotten:get gave:give given:give found:find thought:think told:tell became:become left:leave felt:feel
    brought:bring began:begin begun:begin kept:keep held:hold wrote:write written:write stood:stand heard:hear
    meant:mean met:meet ran:run paid:pay sat:sit spoke:speak spoken:speak led:lead grew:grow grown:grow lost:lose
    fell:fall fallen:fall sent:send built:build understood:understand drew:draw drawn:draw broke:break broken:break
    spent:spend rose:rise risen:rise drove:drive driven:drive bought:buy wore:wear worn:wear chose:choose
    chosen:choose ate:eat eaten:eat taught:teach sold:sell caught:catch fought:fight threw:throw thrown:throw
    won:win slept:sleep swam:swim sang:sing sung:sing rode:ride ridden:ride flew:fly flown:fly forgot:forget
    forgotten:forget hid:hide hidden:hide shot:shoot lent:lend lay:lie dug:dig hung:hang beaten:beat laid:lay
    """
)
PARTICIPLES = frozenset(
    """
    given made taken seen known found written told held kept paid sent built drawn broken driven bought worn chosen
    eaten taught sold caught thrown spoken done shown hidden forgotten asked required needed used called based
    """.split()  # noqa: SIM905
)
AUXILIARIES = frozenset(
    "do does did can could will would shall should may might must have has had need".split()  # noqa: SIM905
)
BE = frozenset(("am", "is", "are", "was", "were", "be", "been", "being", "'s", "'re", "'m"))
WH = frozenset(("what", "which", "who", "whom", "whose", "how", "why", "when", "where", "whether", "if"))
PRONOUNS = frozenset(
    """
    i you he she it we they me him us them myself yourself himself herself itself ourselves themselves someone somebody
    everyone everybody anyone anybody nothing something anything everything there
    """.split()  # noqa: SIM905
)
DATIVES = frozenset(("me", "us", "him", "her", "them", "you"))
DETERMINERS = frozenset(
    """
    a an the this that these those my your his her its our their some any each every both all no another such other
    one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty fifty hundred several many
    few most more various enough either neither half dozen couple
    """.split()  # noqa: SIM905
)
PREPOSITIONS = frozenset(
    """
    of in on at by for from with without within into onto about above across after against along among amongst around as
    before behind below beneath beside besides between beyond despite during except inside like near off out outside
    over past per regarding since than through throughout till toward towards under until up upon versus via vs
    concerning including using based because while although though whereas so
    """.split()  # noqa: SIM905
)
PARTICLES = frozenset(("up", "out", "down", "together", "on", "off", "over", "away", "back", "through", "in"))
"""Words that can belong to a verb before its object: `put together a plan`."""
TAKES_PARTICLE: dict[str, frozenset[str]] = {
    "put": frozenset(("together",)),
    "take": frozenset(("on", "out", "away")),
    "sum": frozenset(("up",)),
    "spell": frozenset(("out",)),
    "figure": frozenset(("out",)),
    "work": frozenset(("out",)),
    "look": frozenset(("up",)),
    "pick": frozenset(("out", "up")),
    "point": frozenset(("out",)),
    "find": frozenset(("out",)),
    "write": frozenset(("down", "out", "up")),
    "break": frozenset(("down", "up")),
    "make": frozenset(("up",)),
    "think": frozenset(("up",)),
    "set": frozenset(("up",)),
    "carry": frozenset(("out",)),
    "act": frozenset(("out",)),
    "fill": frozenset(("in", "out")),
    "draw": frozenset(("up",)),
    "map": frozenset(("out",)),
    "lay": frozenset(("out",)),
    "list": frozenset(("down", "out")),
    "clean": frozenset(("up",)),
    "add": frozenset(("up",)),
    "print": frozenset(("out",)),
    "turn": frozenset(("on", "off", "in")),
    "come": frozenset(),
}
CONJUNCTIONS = frozenset(("and", "or", "but", "nor", "then", "plus"))
LEADING = frozenset(
    """
    given using for from in based with as by if when after before while to considering assuming without within during
    on at looking following drawing taking suppose according about under since because once unless starting
    """.split()  # noqa: SIM905
)
"""Words that open a phrase or clause before the one that counts."""
SKIPPED = frozenset(
    """
    please kindly now then next first finally also just simply briefly quickly carefully hi hello hey ok okay so and
    thanks well great alternatively additionally secondly lastly always never
    """.split()  # noqa: SIM905
)
ADJECTIVES = frozenset(
    """
    able acceptable actual adjacent advanced ancient angry antique appropriate available average bad basic beautiful best
    better big bold brave bright brief broad busy calm certain cheap classic clean clear clever close cold common
    complete complex concise concrete convincing cool correct crazy current cute daily dark dear decent deep deeper
    detailed different difficult dim direct dry eager early easy effective efficient elaborate empty entire equal exact
    exciting extra fair false familiar famous fantastic fast favorite favourite fictional final fine first fit flat
    foreign formal free fresh friendly full fun funny further future general gentle given good grand great green happy
    hard healthy heavy high hot huge humorous hypothetical ideal imaginary important impossible inappropriate
    independent indian individual intelligent interesting internal joint key large last late least left less likely
    little local lonely long loose low lucky magical main major male maximum mean medieval mental minimal minimum minor
    modern moral narrow natural nearest necessary negative new nice non-fiction normal numerical odd official ok old
    only online open opposite ordinary original other outdoor overall own particular past perfect persuasive plain
    polite poor popular positive possible potential powerful present previous primary prime private proper public pure
    quick quiet random rare raw ready real realistic recent regular related relevant reliable respective rich right
    robust romantic rough round sad safe same sample scary second secret secure sensory separate serious sharp short
    shorter significant similar simple single slow small smart smooth social soft solid special specific spooky stable
    standard steady strange strong subtle successful sudden suitable super sure sweet tall technical temporary terrible
    thick thin third tight tiny top total traditional tragic true typical ugly unexpected unique unusual upcoming urgent
    useful usual valid valuable various vast virtual visual vivid warm weak wealthy weekly weird whole wide wild wise
    wonderful wooden worse worst wrong young younger
    following given provided attached below above creative catchy compelling engaging surprising
    """.split()  # noqa: SIM905
)
NOUNS = frozenset(
    """
    goal proposal animal material journal meal appeal signal capital festival rival arrival hospital proverbial manual
    criminal individual mineral metal terminal total interval professional potential essential rationale
    narrative objective alternative adjective initiative perspective incentive executive detective motive archive
    relative native representative native
    topic music statistic metric logic graphic traffic critic magic fabric public mechanic basic characteristic rhetoric
    republic clinic picnic comic
    article vehicle example principle title people table cable variable syllable vegetable fable constable
    project object subject effect aspect verdict dialect
    list poem story code song essay letter email tweet text sentence paragraph word phrase line set table
    dictionary summary vocabulary library salary itinerary commentary boundary documentary diary glossary secretary
    agreement statement document argument element component student accident ingredient parent event content comment
    present moment environment achievement payment gradient patient client agent incident equivalent accent percent
    restaurant plant assistant merchant variant constant consultant elephant giant
    building meeting painting drawing meaning writing reading feeling ending setting heading greeting spelling training
    marketing pricing rating ranking finding saving meaning housing clothing opening being thing king string ring spring
    wording formatting lighting cleaning programming engineering learning timing headline morning evening wedding
    following beginning offering blessing warning listing posting
    """.split()  # noqa: SIM905
)
"""Nouns whose endings look like another kind's."""
IRREGULAR_NOUNS: dict[str, str] = _pairs(
    """
    people:people men:man women:woman children:child teeth:tooth feet:foot mice:mouse geese:goose criteria:criterion
    phenomena:phenomenon data:datum analyses:analysis hypotheses:hypothesis theses:thesis crises:crisis
    diagnoses:diagnosis bases:basis oases:oasis axes:axis indices:index matrices:matrix vertices:vertex
    appendices:appendix knives:knife lives:life wives:wife leaves:leaf wolves:wolf shelves:shelf halves:half
    loaves:loaf thieves:thief heroes:hero potatoes:potato tomatoes:tomato echoes:echo series:series species:species
    news:news mathematics:mathematics physics:physics economics:economics politics:politics ethics:ethics
    movies:movie cookies:cookie calories:calorie selfies:selfie zombies:zombie ties:tie pies:pie lies:lie
    shoes:shoe toes:toe lens:lens bus:bus gas:gas status:status campus:campus virus:virus bonus:bonus process:process
    class:class glass:glass business:business address:address success:success access:access progress:progress
    dress:dress press:press loss:loss cross:cross boss:boss process:process princess:princess mess:mess
    caches:cache headaches:headache axe:axe clothes:clothes means:means works:work lyrics:lyric basics:basic
    quizzes:quiz buses:bus gases:gas viruses:virus statuses:status responses:response houses:house uses:use
    cases:case phrases:phrase clauses:clause causes:cause databases:database purposes:purpose courses:course
    horses:horse nurses:nurse verses:verse senses:sense expenses:expense licenses:license exercises:exercise
    promises:promise premises:premise noises:noise pauses:pause sentences:sentence
    """
)
