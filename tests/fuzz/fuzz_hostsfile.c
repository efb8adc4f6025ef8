/* A hosts file; its first line is the name to look for. Invariants: what is found stands in a
 * line that says so, the kept head answers like the whole, order does not depend on the cap. */
#include <stdlib.h>

#include "base/num.h"
#include "wire/hostsfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool a_line_says(struct span text, struct span name, const struct addr *a)
{
	struct span line, names, word;
	struct addr ip;

	while (text.n) {
		span_cut(text, '\n', &line, &text);
		if (!hosts_line(line, &ip, &names) || !addr_same_ip(&ip, a))
			continue;
		while (hosts_word(&names, &word))
			if (span_ieq(word, name))
				return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span name, text, head;
	struct addr all[32], few[3], again[32];
	size_t found, n_few;
	bool cut;

	span_cut(span_of(data, n), '\n', &name, &text);
	found = hosts_find(text, name, all, ARRAY_LEN(all));
	MUST(found <= ARRAY_LEN(all));
	for (size_t i = 0; i < found; i++) {
		MUST(a_line_says(text, name, &all[i]));
		for (size_t k = 0; k < i; k++)
			MUST(!addr_same_ip(&all[k], &all[i]));
	}
	n_few = hosts_find(text, name, few, ARRAY_LEN(few));
	MUST(n_few == num_min(found, ARRAY_LEN(few)));
	for (size_t i = 0; i < n_few; i++)
		MUST(addr_eq(&few[i], &all[i]));
	head = hosts_head(text, &cut);
	MUST(head.n <= text.n && (cut || head.n == text.n));
	MUST(hosts_find(head, name, again, ARRAY_LEN(again)) == found);
	MUST(name.n || found == 0);
	return 0;
}
