//! The SQL functions, one file each, grouped by family. File stem, function name and test name are the same word.

mod aggregate;
mod arguments;
pub mod diversity;
pub mod duplicates;
pub mod embedding;
mod equal_zeros;
pub mod identity;
pub mod image;
pub mod instruction;
pub mod llm;
mod pure;
pub mod text;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

/// Every pure function: free, deterministic, usable in any session.
pub fn pure_functions() -> Vec<ScalarUDF> {
    vec![
        identity::stable_id::stable_id(),
        identity::draw_operator::draw_operator(),
        instruction::parse_instructions::parse_instructions(),
        instruction::parse_scores::parse_scores(),
        instruction::instruction_faults::instruction_faults(),
        instruction::fatal_faults::fatal_faults(),
        instruction::rewritten_items::rewritten_items(),
        instruction::items_to_judge::items_to_judge(),
        instruction::distinct_objects::distinct_objects(),
        instruction::distinct_skills::distinct_skills(),
        instruction::normalize_skill::normalize_skill(),
        instruction::normalize_format::normalize_format(),
        instruction::format_name::format_name(),
        image::octet_length::octet_length(),
        image::image_width::image_width(),
        image::image_height::image_height(),
        image::image_thumbnail::image_thumbnail(),
        image::image_phash::image_phash(),
        image::hamming_distance::hamming_distance(),
        duplicates::normalize_text::normalize_text(),
        duplicates::simhash::simhash(),
        duplicates::minhash::minhash(),
        duplicates::minhash_similarity::minhash_similarity(),
        embedding::lexical_embedding::lexical_embedding(),
        text::root_verb::root_verb(),
        text::root_noun::root_noun(),
        text::sentence_count::sentence_count(),
        text::token_count::token_count(),
        text::language::language(),
        text::cosine_distance::cosine_distance(),
    ]
}

/// Every aggregate function: free, deterministic, usable in any session.
pub fn aggregate_functions() -> Vec<AggregateUDF> {
    vec![
        diversity::distinct_n::distinct_n(),
        diversity::mattr::mattr(),
        diversity::self_bleu::self_bleu(),
        diversity::shannon_entropy::shannon_entropy(),
        diversity::normalized_entropy::normalized_entropy(),
        diversity::effective_number::effective_number(),
        diversity::gini::gini(),
        diversity::gini_of_numbers::gini_of_numbers(),
        diversity::vendi_score::vendi_score(),
        diversity::mean_pairwise_distance::mean_pairwise_distance(),
        diversity::cohen_kappa::cohen_kappa(),
    ]
}
