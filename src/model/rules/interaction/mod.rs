//! The given content in another form of interaction: with options, gaps, regions to choose from, a task to carry out.

mod forms;
mod options;

use super::choice::Choice;
use super::facts::{Fact, Kind};
use super::given::Given;
use super::writing::{Draft, Work};

/// What a form is made from.
struct Material<'a> {
    work: &'a Work<'a>,
    given: &'a Given<'a>,
    choice: &'a Choice,
    /// The given item's own fact, if it has a definite answer.
    own: Option<&'a Fact>,
    /// Facts of the scene, those about the given item's objects first.
    facts: &'a [&'a Fact],
}

/// A form: a draft with the fact it used up, or `None` where it does not suit.
type Form = for<'a> fn(&Material<'a>) -> Option<(Draft, Option<Fact>)>;

const FORMS: [Form; 17] = [
    options::multi_choice_of_given,
    options::multi_choice_of_given,
    options::multi_choice,
    options::multi_choice,
    options::text_image_matching,
    options::region_selection,
    options::missing_object_selection,
    options::relative_distance,
    forms::gap_in_given,
    forms::gap_in_fact,
    forms::gap_in_caption,
    forms::object_region_matching,
    forms::coreference_resolution,
    forms::instruction_following,
    forms::completeness_of_response,
    forms::rationales_generation,
    forms::picture_forms,
];

/// The first form, in an order of the item's own, that suits it and asks something new; `None` where none does.
pub fn rewrite(work: &mut Work<'_>, given: &Given<'_>, choice: &Choice) -> Option<Draft> {
    let preference = |fact: &Fact| {
        let is_related = fact.objects.iter().any(|object| given.labels.contains(object));
        Some(u8::from(!is_related) + u8::from(fact.kind == Kind::Orientation))
    };
    let ranked = work.ranked(choice, preference);
    let own = given.fact(work.scene);
    let material = Material { work, given, choice, own: own.as_ref(), facts: &ranked };
    let forms = choice.shuffled("form", FORMS.to_vec());
    let (draft, used) = forms.into_iter().filter_map(|form| form(&material)).find(|(draft, _)| work.is_new_question(&draft.question))?;
    if let Some(fact) = used {
        work.tell(&fact);
    }
    Some(draft)
}
