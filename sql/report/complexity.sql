-- How much the kept items ask: abilities, visual steps and objects that each names, and words. Seeds that nobody annotated name none.
SELECT
    round /*by*/,
    count(*) AS kept,
    round(avg(skill_count), 3) AS skills,
    round(avg(step_count), 3) AS steps,
    round(avg(object_count), 3) AS objects,
    round(avg(question_words), 1) AS question_words,
    round(avg(answer_words), 1) AS answer_words,
    round(avg(CASE WHEN skill_count > 0 THEN 1.0 ELSE 0.0 END), 3) AS with_skills
FROM item_facts
WHERE status = 'kept'
GROUP BY round /*by*/
ORDER BY round /*by*/
