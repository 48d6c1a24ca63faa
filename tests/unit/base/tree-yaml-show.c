/* For tree-yaml-oracle.py: of each file that is named, a line with its tree or the error. */
#include "file.h"
#include "tree-show.h"
#include "tree-yaml.h"
#include <stdio.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		_cleanup_tree_ struct tree tree = { .file = "" };
		_cleanup_buf_ struct buf text = { 0 }, out = { 0 };
		struct err err = ERR_INIT;
		int r = file_read(argv[i], 64 << 20, &text, &err);

		if (r >= 0)
			r = tree_yaml(buf_str(&text), text.len, &tree, &err);
		if (r >= 0)
			tree_show(tree.root, &out);
		else
			buf_addf(&out, "error %s", err.msg);
		for (size_t k = 0; k < out.len; k++)
			if (out.data[k] == '\n' || out.data[k] == '\r')
				out.data[k] = ' ';
		(void)puts(buf_str(&out));
	}
	return 0;
}
