package dev.slayer.server.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.store.Listed;
import dev.slayer.server.store.Page;
import dev.slayer.surgery.SlayerException;
import io.vertx.ext.web.RoutingContext;
import java.util.Optional;
import java.util.function.Function;

/** The lists of OpenAI that come in pages: {@code after}, {@code limit}, {@code order}, and {@code has_more}. */
final class ListQuery {
    private ListQuery() {}

    /**
     * The page that a query asks for; the newest entries come first unless it says {@code order=asc}.
     *
     * @param limit where the query names none
     * @param most that it may name
     * @throws SlayerException 400 naming the parameter
     */
    static Page page(RoutingContext ctx, int limit, int most) {
        Optional<String> after = parameter(ctx, "after").filter(text -> !text.isEmpty());
        String order = parameter(ctx, "order").orElse("desc");
        if (!order.equals("asc") && !order.equals("desc")) {
            throw SlayerException.badRequest(
                    "order", "order='" + Excerpt.of(order) + "' is unknown; allowed: asc and desc.");
        }
        return new Page(
                after, parameter(ctx, "limit").map(text -> limit(text, most)).orElse(limit), order.equals("desc"));
    }

    private static int limit(String text, int most) {
        try {
            int limit = Integer.parseInt(text);
            if (limit >= 1 && limit <= most) {
                return limit;
            }
        } catch (NumberFormatException e) {
            throw new SlayerException(400, "invalid_value", "limit", outside(text, most), e);
        }
        throw SlayerException.badRequest("limit", outside(text, most));
    }

    private static String outside(String text, int most) {
        return "limit=" + Excerpt.of(text) + " is out of range; allowed: 1 to " + most + ".";
    }

    static Optional<String> parameter(RoutingContext ctx, String name) {
        return ctx.queryParam(name).stream().findFirst();
    }

    /** A page of a list. */
    static <T> JsonBody.Document document(Listed<T> listed, Function<T, ObjectNode> entry) {
        ObjectNode list = Json.MAPPER.createObjectNode().put("object", "list");
        ArrayNode data = list.putArray("data");
        listed.entries().forEach(one -> data.add(entry.apply(one)));
        if (data.isEmpty()) {
            list.putNull("first_id").putNull("last_id");
        } else {
            list.set("first_id", data.get(0).get("id"));
            list.set("last_id", data.get(data.size() - 1).get("id"));
        }
        list.put("has_more", listed.more());
        return document(list);
    }

    static JsonBody.Document document(ObjectNode node) {
        return out -> Json.MAPPER.writeValue(out, node);
    }
}
