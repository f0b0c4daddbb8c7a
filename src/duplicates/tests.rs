use super::*;

/// Groups texts under ids; each row as "representative<member".
fn near(texts: &[(&str, i32, Option<i64>, &str)], threshold: f64) -> Vec<String> {
    let sketcher = NearSketcher::new(threshold);
    let mut collector = Collector::new(Near::new(threshold));
    for (id, round, score, text) in texts {
        collector.add(id, Rank { round: *round, score: *score }, sketcher.sketch(text, 0));
    }
    rows(&collector.finish())
}

fn rows(groups: &Groups) -> Vec<String> {
    groups.rows().map(|row| format!("{}<{}", row.representative_id, row.member_id)).collect()
}

const TEXT: &str = "There are two brown dogs that lie on a red mat in front of the fireplace.";

#[test]
fn the_earliest_the_best_and_the_first_stays() {
    let copy = TEXT.to_uppercase();
    assert_eq!(near(&[("b", 0, Some(9), TEXT), ("a", 1, Some(9), &copy)], 0.8), ["b<b", "b<a"], "the earlier round");
    assert_eq!(near(&[("a", 1, Some(3), TEXT), ("b", 1, Some(7), &copy)], 0.8), ["b<b", "b<a"], "the better score");
    assert_eq!(near(&[("a", 1, None, TEXT), ("b", 1, Some(0), &copy)], 0.8), ["b<b", "b<a"], "any score before none");
    assert_eq!(near(&[("b", 1, None, TEXT), ("a", 1, None, &copy)], 0.8), ["a<a", "a<b"], "the lesser id");
}

#[test]
fn members_are_like_the_one_that_stays() {
    // Each differs from the next by a few words, the first and the last by many.
    let words: Vec<String> = (0..60).map(|number| format!("word{number}")).collect();
    let text = |start: usize| words[start..start + 40].join(" ");
    let (a, b, c) = (text(0), text(3), text(6));
    let found = near(&[("a", 0, None, &a), ("b", 0, None, &b), ("c", 0, None, &c)], 0.8);
    assert_eq!(found, ["a<a", "a<b"], "c is like b, which does not stay, and not like a");
}

#[test]
fn texts_that_say_nothing_are_equal() {
    assert_eq!(near(&[("a", 0, None, ""), ("b", 0, None, " \n"), ("c", 0, None, "?")], 0.5), ["a<a", "a<b"]);
    assert_eq!(near(&[], 0.5), [""; 0]);
}

#[test]
fn scopes_are_worlds_of_their_own() {
    let sketcher = NearSketcher::new(0.8);
    let mut collector = Collector::new(Near::new(0.8));
    let other = TEXT.replace("brown", "black");
    for (id, text, scope) in [("a", TEXT, 1), ("b", TEXT, 2), ("c", &other, 2), ("d", &other, 3)] {
        collector.add(id, Rank { round: 0, score: None }, sketcher.sketch(text, scope));
    }
    let found = rows(&collector.finish());
    assert!(found.is_empty() || found == ["b<b", "b<c"], "{found:?}");
}

#[test]
fn the_order_of_arrival_changes_nothing() {
    let words = ["dog", "cat", "mat", "sofa", "red", "blue"];
    let text = |seed: usize| (0..12).map(|place| words[(seed * 7 + place * seed) % words.len()]).collect::<Vec<_>>().join(" ");
    let texts: Vec<(String, i32, String)> =
        (0..300).map(|seed| (format!("{:03}", seed * 37 % 300), (seed % 3) as i32, text(seed % 40))).collect();
    let rows: Vec<_> = texts.iter().map(|(id, round, text)| (id.as_str(), *round, None, text.as_str())).collect();
    let mut backwards = rows.clone();
    backwards.reverse();
    let found = near(&rows, 0.6);
    assert!(found.len() > 100);
    assert_eq!(found, near(&backwards, 0.6));
}

#[test]
fn equal_items_cost_no_more_than_others() {
    let mut collector = Collector::new(Near::new(0.8));
    let sketcher = NearSketcher::new(0.8);
    for number in 0..50_000 {
        collector.add(&format!("{number:06}"), Rank { round: 0, score: None }, sketcher.sketch("Equal.", 0));
    }
    let groups = collector.finish();
    assert_eq!((groups.compared(), groups.len(), groups.duplicates()), (50_000, 1, 49_999));
}

#[test]
fn pictures_are_alike_up_to_a_number_of_bits() {
    let base = 0x0123_4567_89ab_cdefu64;
    let with_bits = |bits: &[u32]| bits.iter().fold(base, |hash, bit| hash ^ 1 << bit);
    let hashes = [base, with_bits(&[0, 9, 20, 33, 41, 63]), with_bits(&[0, 9, 20, 33, 41, 50, 63])];
    let mut collector = Collector::new(Hamming::new(0.9));
    for (number, hash) in hashes.iter().enumerate() {
        let rank = Rank { round: 0, score: Some(100 - number as i64) };
        collector.add(&number.to_string(), rank, Hamming::sketch(*hash));
    }
    assert_eq!(rows(&collector.finish()), ["0<0", "0<1"], "6 bits are within 0.9, 7 are not");
}

#[test]
fn every_pair_within_a_distance_is_found() {
    for threshold in [1.0, 0.95, 0.9, 0.75, 0.5] {
        let distance = Hamming::new(threshold);
        let most = ((1.0 - threshold) * 64.0f64).floor() as u32;
        let hashes: Vec<u64> = (0..200u64)
            .map(|number| text::mixed(number / 2) ^ if number % 2 == 1 { (1u64 << most) - 1 } else { 0 }.rotate_left(number as u32))
            .collect();
        let mut collector = Collector::new(distance);
        for (number, hash) in hashes.iter().enumerate() {
            collector.add(&format!("{number:03}"), Rank { round: 0, score: None }, Hamming::sketch(*hash));
        }
        let groups = collector.finish();
        let members: Vec<&str> = groups.rows().filter(|row| !row.is_representative()).map(|row| row.member_id).collect();
        assert!(
            (0..100)
                .all(|pair| members.contains(&format!("{:03}", 2 * pair + 1).as_str())
                    || members.contains(&format!("{:03}", 2 * pair).as_str())),
            "{threshold}"
        );
    }
}

/// Vectors of numbers between -1 and 1 that depend on `seed` alone.
fn vector(seed: u64) -> Vec<f32> {
    (0..48).map(|place| (text::mixed(seed << 8 | place) >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
}

#[test]
fn directions_within_an_angle_are_found() {
    let threshold = 0.9;
    let sketcher = CosineSketcher::new(threshold);
    let mut collector = Collector::new(Cosine::new(threshold));
    let turned = |vector: &[f32], other: &[f32], by: f32| vector.iter().zip(other).map(|(a, b)| 3.0 * (a + by * b)).collect::<Vec<f32>>();
    for number in 0..200 {
        let (first, other) = (vector(2 * number), vector(2 * number + 1));
        // About 0.95 of the first, and about 0.85.
        for (name, vector) in [("a", first.clone()), ("b", turned(&first, &other, 0.33)), ("c", turned(&first, &other, 0.62))] {
            collector.add(&format!("{number:03}{name}"), Rank { round: 0, score: None }, sketcher.sketch(&vector, 0).unwrap());
        }
    }
    let groups = collector.finish();
    let joins =
        |name: &str| groups.rows().filter(|row| row.member_id.ends_with(name) && row.representative_id[..3] == row.member_id[..3]).count();
    assert!(groups.rows().all(|row| row.similarity >= threshold && row.similarity <= 1.0));
    assert!(joins("b") >= 195, "{} of 200", joins("b"));
    assert!(joins("c") <= 20, "{} of 200", joins("c"));
}

#[test]
fn a_vector_must_have_a_direction_and_the_length_of_the_others() {
    use super::cosine::InvalidVector;

    let sketcher = CosineSketcher::new(0.9);
    let error = |vector: &[f32]| sketcher.sketch(vector, 0).map(drop).unwrap_err();
    assert!(sketcher.sketch(&[1.0, 2.0], 0).is_ok());
    assert_eq!(error(&[0.0, 0.0]), InvalidVector::NoDirection);
    assert_eq!(error(&[f32::NAN, 0.0]), InvalidVector::NoDirection);
    assert_eq!(error(&[1.0]), InvalidVector::Length { got: 1, expected: 2 });
}

#[test]
fn exact_duplicates_are_equal_texts() {
    let mut collector = Collector::new(Equality);
    for (id, text) in [("a", "A dog."), ("b", "a  DOG."), ("c", "a dog")] {
        collector.add(id, Rank { round: 0, score: None }, exact_content(text, 0));
    }
    let groups = collector.finish();
    assert_eq!(rows(&groups), ["a<a", "a<b"]);
    assert!(groups.rows().all(|row| row.similarity == 1.0));
}

#[test]
fn thresholds_are_checked() {
    assert_eq!(Method::Near.threshold(0.8).map(Threshold::get), Ok(0.8));
    for similarity in [0.0, -1.0, 1.01, f64::NAN] {
        assert!(Method::Near.threshold(similarity).unwrap_err().to_string().contains("above 0 and at most 1"), "{similarity}");
    }
    assert!(Method::Exact.threshold(0.8).is_err());
    for method in Method::ALL {
        assert_eq!(Method::from_name(method.name()), Some(method));
        assert_eq!(method.threshold(method.default_threshold().get()), Ok(method.default_threshold()));
    }
}
