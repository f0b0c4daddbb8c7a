-- How varied the kept questions, formats and abilities of each round are. Distinct bigrams and the moving-average type-token ratio grow with variety, from 0 to 1;
-- self-BLEU falls with it; the entropy of formats is in bits, the number of formats is that of equally common ones (Hill, q = 1).
SELECT
    round /*by*/,
    count(*) AS kept,
    round(distinct_n(question, 1), 3) AS distinct_1,
    round(distinct_n(question, 2), 3) AS distinct_2,
    round(mattr(question), 3) AS mattr,
    round(self_bleu(question), 3) AS self_bleu,
    round(shannon_entropy(format), 3) AS format_bits,
    round(effective_number(format), 2) AS formats
FROM item_facts
WHERE status = 'kept'
GROUP BY round /*by*/
ORDER BY round /*by*/
