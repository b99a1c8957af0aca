package dev.slayer.server.text;

import java.util.List;
import java.util.Map;

record JinjavaTemplate(String source, String bosToken, String eosToken) implements ChatTemplate {
    @Override
    public String render(List<Map<String, Object>> messages, boolean a, boolean b, Map<String, Object> v) {
        throw new UnsupportedOperationException();
    }
}
