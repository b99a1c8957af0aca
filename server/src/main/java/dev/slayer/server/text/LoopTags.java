package dev.slayer.server.text;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Rewrites block tags where Jinjava's loops have less than Jinja's: {@code for ... if ...} first collects the items that pass, and
 * {@code for ... else ...} becomes a loop and a condition. Tags must come in the order of the template.
 */
final class LoopTags {
    /** A block that is open: a loop with the list it runs over, or anything else that can have an else. */
    private record Open(String list, boolean inElse) {
        static final Open CONDITION = new Open(null, false);
    }

    private final Deque<Open> open = new ArrayDeque<>();
    private int collected;

    /** The tag or tags that stand for {@code {% body %}}; expressions are in Jinjava's grammar already. */
    String rewritten(String body) {
        String name = body.split("[^a-z]", 2)[0];
        switch (name) {
            case "if" -> open.push(Open.CONDITION);
            case "endif" -> open.poll();
            case "for" -> {
                return loop(body);
            }
            case "else" -> {
                Open loop = open.peek();
                if (loop != null && loop.list() != null) {
                    open.pop();
                    open.push(new Open(loop.list(), true));
                    return tag("endfor") + tag("if not (" + loop.list() + ")");
                }
            }
            case "endfor" -> {
                Open loop = open.poll();
                if (loop != null && loop.inElse()) {
                    return tag("endif");
                }
            }
            default -> {}
        }
        return tag(body);
    }

    private String loop(String body) {
        int in = PythonSyntax.wordOutside(body, "in", 0);
        if (in < 0) {
            throw new TemplateRefusal("the tag '" + body + "' of the chat template has no 'in'");
        }
        int condition = PythonSyntax.wordOutside(body, "if", in);
        boolean choice = condition >= 0 && PythonSyntax.wordOutside(body, "else", condition) >= 0;
        if (condition < 0 || choice) {
            open.push(new Open(body.substring(in + 2).strip(), false));
            return tag(body);
        }
        String item = body.substring("for".length(), in).strip();
        if (item.contains(",")) {
            throw new TemplateRefusal(
                    "the tag '" + body + "' filters pairs, which is not supported; use an 'if' inside the loop");
        }
        String list = body.substring(in + 2, condition).strip();
        String passed = "passed_" + collected++;
        open.push(new Open(passed + ".items_", false));
        return tag("set " + passed + " = namespace(items_=[])")
                + tag("for " + item + " in " + list)
                + tag("if " + body.substring(condition + 2).strip())
                + tag("set " + passed + ".items_ = " + passed + ".items_ + [" + item + "]")
                + tag("endif")
                + tag("endfor")
                + tag("for " + item + " in " + passed + ".items_");
    }

    private static String tag(String body) {
        return "{% " + body + " %}";
    }
}
