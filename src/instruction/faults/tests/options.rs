//! Which labels mark options, and which answers name one.

use super::*;

fn multiple_choice(question: &str, answer: &str) -> Instruction {
    Instruction { format: "multi_choice".into(), ..item(question, answer) }
}

#[test]
fn labels_of_parts_are_no_options() {
    for (question, answer) in [
        ("What is the difference between subplots (a) and (b)?", "The left one is linear, the right one exponential."),
        ("Between panels A) and B), which patient shows more swelling?", "The one on the right."),
        ("(a) What is the person wearing? (b) What is behind them?", "A red coat; a fence."),
        ("Please do the following: a) name the animal, b) say what it is doing, c) …", "It is a fox that sleeps."),
        ("Can you do two things? a) The animal, b) its colour, c) its food", "It is a red fox."),
        ("Which animal is it and what does it do? Answer (a) in one word and (b) in one sentence.", "Fox; he sleeps."),
        ("What is in each picture?\n(a) top left\n(b) bottom right", "Foxes sleep."),
        ("Which of the subplots (a) on the left and (b) on the right rises?", "The steep one."),
        ("Look at the picture. 1. Which animal is it? 2. How many are there?", "7"),
    ] {
        assert!(!has(Fault::AnswerNotAnOption, &item(question, answer)), "{question}");
    }
    for (question, answer) in [
        ("Choose the animal: a) fox, b) dog, c) cow", "It is a horse."),
        ("Is this (a) a dog or (b) a cat?", "It is a horse."),
        ("The animal is: (a) a dog (b) a cat", "D"),
    ] {
        assert!(has(Fault::AnswerNotAnOption, &item(question, answer)), "{question}");
    }
}

#[test]
fn options_are_read_in_every_notation() {
    let prefixed = "What colour is the car?\nOption A: red\nOption B: blue\nOption C: green";
    for (answer, is_fault) in [("The car is blue.", false), ("The car is red.", false), ("Option B", false), ("It is white.", true)] {
        assert_eq!(has(Fault::AnswerNotAnOption, &item(prefixed, answer)), is_fault, "{answer}");
        assert_eq!(has(Fault::AnswerNotAnOption, &multiple_choice(prefixed, answer)), is_fault, "{answer}");
    }

    let ten = "Which? A. one B. two C. three D. four E. five F. six G. seven H. eight I. nine J. ten";
    for (answer, is_fault) in [("The answer is J.", false), ("Answer: (I)", false), ("J", false), ("K", true), ("J. nine", true)] {
        assert_eq!(has(Fault::AnswerNotAnOption, &multiple_choice(ten, answer)), is_fault, "{answer}");
    }

    let behind = "Which animal is it, a cat (A), a dog (B) or a cow (C)?";
    for (answer, is_fault) in [("B. a dog", false), ("a cat", false), ("A. a cow", true), ("A horse.", true)] {
        assert_eq!(has(Fault::AnswerNotAnOption, &multiple_choice(behind, answer)), is_fault, "{answer}");
    }

    for question in [
        "What is it?<br>A. cat<br>B. dog",
        "What is it? \"A. cat\", \"B. dog\"",
        "What is it? ['A. cat', 'B. dog']",
        "What is it?\\nA. cat\\nB. dog",
        "What is it?\\nA cat\\nB dog",
        "What is it?\nA cat\nB dog",
        "What is it?\nA | cat\nB | dog",
    ] {
        for (answer, is_fault) in [("B", false), ("It looks like a dog.", false), ("C", true), ("It looks like a horse.", true)] {
            assert_eq!(has(Fault::AnswerNotAnOption, &multiple_choice(question, answer)), is_fault, "{question} {answer}");
        }
    }
    assert!(!has(Fault::AnswerNotAnOption, &multiple_choice("What is it? A cat / B dog", "B")));
    assert!(!has(Fault::AnswerNotAnOption, &multiple_choice("Which? A. :) B. :(", ":(")));
}
