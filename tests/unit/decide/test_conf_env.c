/* conf_env: what a variable means, including the awkward names. */
#include "decide/conf_env.h"

#include "decide/conf_keys.h"
#include "shapes.h"
#include "tests/unit/unit.h"

static struct conf_env e;

static int match(const struct conf_schema *s, const char *name)
{
	conf_env_match(s, span_str(name), &e);
	return (int)e.kind;
}

TEST(names_are_made_from_the_tables)
{
	char name[CONF_ENV_MAX];

	conf_env_name(&shape_sections[1], &shape_gate_keys[0], false, name);
	CHECK_STR(name, "ZT_AUTH_GATE_LISTEN");
	conf_env_name(&shape_sections[1], &shape_gate_keys[1], true, name);
	CHECK_STR(name, "ZT_AUTH_GATE_WORKER_ONLY_FILE");
}

TEST(a_key_and_its_file_form)
{
	CHECK_INT(match(&shape_schema, "ZT_AUTH_GATE_LISTEN"), CONF_ENV_KEY);
	CHECK_STR(e.section->name, "auth-gate");
	CHECK_STR(e.key->name, "listen");
	CHECK_INT(match(&shape_schema, "ZT_AUTH_GATE_LISTEN_FILE"), CONF_ENV_KEY_FILE);
	CHECK_STR(e.key->name, "listen");
}

TEST(a_key_called_file_is_not_a_file_form)
{
	CHECK_INT(match(&conf_keys, "ZT_LOG_FILE"), CONF_ENV_KEY);
	CHECK_STR(e.key->name, "file");
	CHECK_INT(match(&conf_keys, "ZT_LOG_FILE_FILE"), CONF_ENV_KEY_FILE);
	CHECK_STR(e.key->name, "file");
}

/* Tables should not do this (test_conf_keys.c); if they do, the answer does not depend on order. */
TEST(an_own_name_wins_over_a_file_form)
{
	static const struct conf_key keys[] = {{"a_file", CONF_BOOL, 0, 0, NULL, 0, 0, NULL, 1, "x"},
					       {"a", CONF_BOOL, 0, 0, NULL, 0, 0, NULL, 1, "x"},
					       {"a_file", CONF_BOOL, 0, 0, NULL, 0, 0, NULL, 1, "x"}};

	for (size_t i = 0; i < 2; i++) {
		const struct conf_section sec = {"s", false, 0, 1, keys + i, 2, "x"};
		const struct conf_schema s = {&sec, 1, NULL};

		CHECK_INT(match(&s, "ZT_S_A_FILE"), CONF_ENV_KEY);
		CHECK_STR(e.key->name, "a_file");
		CHECK_INT(match(&s, "ZT_S_A"), CONF_ENV_KEY);
	}
}

TEST(named_sections_are_not_set_here)
{
	CHECK_INT(match(&shape_schema, "ZT_HOST_ACCESS"), CONF_ENV_NAMED);
	CHECK_INT(match(&shape_schema, "ZT_HOST_WEB_ACCESS"), CONF_ENV_NAMED);
	CHECK_STR(e.section->name, "host");
}

TEST(an_unknown_key_of_a_known_section)
{
	CHECK_INT(match(&conf_keys, "ZT_LOG_LEVLE"), CONF_ENV_UNKNOWN);
	CHECK_STR(e.near, "ZT_LOG_LEVEL");
	CHECK_INT(match(&conf_keys, "ZT_LOG_LEVLE_FILE"), CONF_ENV_UNKNOWN);
	CHECK_STR(e.near, "ZT_LOG_LEVEL_FILE");
	CHECK_INT(match(&conf_keys, "ZT_LOG_"), CONF_ENV_UNKNOWN);
	CHECK_INT(match(&conf_keys, "ZT_LOG_SOMETHING_ELSE"), CONF_ENV_UNKNOWN);
	CHECK_STR(e.near, "");
	CHECK_STR(e.section->name, "log");
	CHECK_INT(match(&conf_keys, "ZT_LOG_level"), CONF_ENV_UNKNOWN); /* names have one case */
}

TEST(a_slip_in_the_section_is_noticed)
{
	CHECK_INT(match(&conf_keys, "ZT_LGO_LEVEL"), CONF_ENV_NEAR);
	CHECK_STR(e.near, "ZT_LOG_LEVEL");
	CHECK_INT(match(&conf_keys, "ZT_ECHOLISTEN"), CONF_ENV_NEAR);
	CHECK_STR(e.near, "ZT_ECHO_LISTEN");
}

TEST(other_variables_are_left_alone)
{
	static const char *const names[] = {"", "Z", "ZT", "ZT_", "PATH", "ZT_PORTS", "ZT_TEST_JOB", "zt_log_level",
					    "XZT_LOG_LEVEL", "ZT_LOG", "ZTLOG_LEVEL"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK_INT(match(&conf_keys, names[i]), CONF_ENV_OTHER);
}

/* The longest prefix owns a name: [auth] must not claim what is [auth-gate]'s. */
TEST(sections_whose_names_begin_alike)
{
	static const struct conf_key auth_keys[] = {{"realm", CONF_STRING, 0, 0, NULL, 0, 0, NULL, 1, "x"}};
	static const struct conf_section alike[] = {
		{"auth", false, 0, 8, auth_keys, 1, "x"},
		{"auth-gate", false, 0, 8, shape_gate_keys, 1, "x"}};
	const struct conf_schema s = {alike, 2, NULL};

	CHECK_INT(match(&s, "ZT_AUTH_GATE_LISTEN"), CONF_ENV_KEY);
	CHECK_STR(e.section->name, "auth-gate");
	CHECK_INT(match(&s, "ZT_AUTH_GATE_LISTNE"), CONF_ENV_UNKNOWN);
	CHECK_STR(e.section->name, "auth-gate");
	CHECK_INT(match(&s, "ZT_AUTH_REALM"), CONF_ENV_KEY);
	CHECK_STR(e.section->name, "auth");
}

TEST(the_longest_name_fits)
{
	static const struct conf_key key = {"a123456789012345678901234567890123456789012345678", CONF_BOOL, 0, 0, NULL, 0, 0,
					    NULL, 1, "x"};
	const struct conf_section sec = {"a123456789012345", false, 0, 1, &key, 1, "x"};
	const struct conf_schema s = {&sec, 1, NULL};
	char name[CONF_ENV_MAX];

	conf_env_name(&sec, &key, true, name);
	CHECK_INT(strlen(name), 3 + 16 + 1 + 49 + 5);
	CHECK_INT(match(&s, name), CONF_ENV_KEY_FILE);
}
