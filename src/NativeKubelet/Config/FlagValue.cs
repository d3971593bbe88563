using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Kubelet;

namespace NativeKubelet.Config;

/// <summary>Reads one flag's text into JSON; a repeated list or map adds to what the earlier use gave.</summary>
internal static class FlagValue
{
    /// <exception cref="FormatException">The text is none of the kind; the message says what is.</exception>
    public static JsonNode? Parse(FlagKind kind, string text, JsonNode? earlier) => kind switch
    {
        FlagKind.Text or FlagKind.Version => text,
        FlagKind.Bool => Bool(text),
        FlagKind.Whole => Integer(text, int.MinValue, int.MaxValue),
        FlagKind.Long => Integer(text, long.MinValue, long.MaxValue),
        FlagKind.Float => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number : throw new FormatException("a number is needed"),
        FlagKind.Duration => GoDurationText.TryParse(text, out _) ? text : throw new FormatException("a duration such as 10s or 1h30m is needed"),
        FlagKind.Ip => text.Length == 0 ? earlier?.DeepClone() : Ip(text),
        FlagKind.TextList => List(earlier, Csv(text).Select(i => (JsonNode)i)),
        FlagKind.TextMap => Map(earlier, Csv(text).Select(i => Pair(i, '=', "string=string"))),
        FlagKind.TextMapOnePair => Map(earlier, [Pair(text, '=', "string=string")]),
        FlagKind.LessMap => Map(earlier, Csv(text).Select(i => Pair(i, '<', "string<string"))),
        FlagKind.Labels => Map(earlier, Csv(text).Select(i => i.Contains('=') ? Pair(i, '=', "") : (i.Trim(), ""))),
        FlagKind.BoolMap => Gates(earlier, text),
        FlagKind.HeaderMap => Headers(earlier, text),
        FlagKind.Taints => text.Length == 0 ? new JsonArray() : List(earlier, Csv(text).Select(Taint)),
        FlagKind.ReservedMemory => List(earlier, text.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(Memory)),
        FlagKind.Vmodule => List(earlier, Csv(text).Select(Module)),
        _ => throw new FormatException("it cannot be set"),
    };

    public static bool Bool(string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw new FormatException("true or false is needed"),
    };

    private static long Integer(string text, long least, long most)
    {
        bool negative = text.StartsWith('-');
        string digits = (negative || text.StartsWith('+') ? text[1..] : text).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
        try
        {
            Int128 value = digits switch
            {
                ['0', 'x', .. { Length: > 0 } hex] => Convert.ToUInt64(hex, 16),
                ['0', 'o', .. { Length: > 0 } octal] => Convert.ToUInt64(octal, 8),
                ['0', 'b', .. { Length: > 0 } binary] => Convert.ToUInt64(binary, 2),
                ['0', .. { Length: > 0 } octal] => Convert.ToUInt64(octal, 8),
                _ => ulong.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture),
            };
            if (negative) value = -value;
            return value >= least && value <= most ? (long)value : throw new FormatException($"it must lie between {least} and {most}");
        }
        catch (Exception e) when (e is OverflowException or ArgumentException)
        {
            throw new FormatException("a whole number is needed", e);
        }
        catch (FormatException e) when (e.Message.StartsWith("The ", StringComparison.Ordinal))
        {
            throw new FormatException("a whole number is needed", e);
        }
    }

    private static string Ip(string text)
    {
        // Leading zeros are decimal to the original; .NET would read octal.
        string plain = text.Contains(':') ? text : string.Join('.', text.Split('.').Select(p => p.TrimStart('0') is { Length: > 0 } d ? d : p.Length > 0 ? "0" : ""));
        bool complete = text.Contains(':') || text.Count('.') == 3;
        return complete && IPAddress.TryParse(plain, out IPAddress? ip) ? ip.ToString() : throw new FormatException("an IP address is needed");
    }

    private static (string Key, string Value) Pair(string item, char separator, string form)
    {
        int at = item.IndexOf(separator);
        return at < 0 ? throw new FormatException($"malformed pair, expect {form}") : (item[..at].Trim(), item[(at + 1)..].Trim());
    }

    private static JsonArray List(JsonNode? earlier, IEnumerable<JsonNode> items)
    {
        JsonArray list = earlier is JsonArray had ? (JsonArray)had.DeepClone() : [];
        foreach (JsonNode item in items) list.Add(item);
        return list;
    }

    private static JsonObject Map(JsonNode? earlier, IEnumerable<(string Key, string Value)> pairs)
    {
        JsonObject map = earlier is JsonObject had ? (JsonObject)had.DeepClone() : [];
        foreach ((string key, string value) in pairs) map[key] = value;
        return map;
    }

    private static JsonObject Gates(JsonNode? earlier, string text)
    {
        JsonObject map = earlier is JsonObject had ? (JsonObject)had.DeepClone() : [];
        foreach (string item in Csv(text))
        {
            (string key, string value) = Pair(item, '=', "string=bool");
            map[key] = Bool(value);
        }

        return map;
    }

    private static JsonObject Headers(JsonNode? earlier, string text)
    {
        JsonObject map = earlier is JsonObject had ? (JsonObject)had.DeepClone() : [];
        foreach (string item in Csv(text))
        {
            (string key, string value) = Pair(item, ':', "string:string");
            if (map[key] is JsonArray values) values.Add((JsonNode)value);
            else map[key] = new JsonArray(value);
        }

        return map;
    }

    private static JsonObject Taint(string item)
    {
        int colon = item.LastIndexOf(':');
        string effect = colon < 0 ? "" : item[(colon + 1)..];
        if (effect is not ("NoSchedule" or "PreferNoSchedule" or "NoExecute"))
            throw new FormatException($"taint {item} needs an effect: NoSchedule, PreferNoSchedule or NoExecute");
        string[] pair = item[..colon].Split('=', 2);
        return new JsonObject { ["key"] = pair[0], ["value"] = pair.Length > 1 ? pair[1] : "", ["effect"] = effect };
    }

    private static JsonObject Memory(string item)
    {
        (string node, string limits) = Pair(item, ':', "NODE:memory=QUANTITY");
        return new JsonObject { ["numaNode"] = Integer(node, 0, int.MaxValue), ["limits"] = Map(null, Csv(limits).Select(i => Pair(i, '=', "string=string"))) };
    }

    private static JsonObject Module(string item)
    {
        (string pattern, string level) = Pair(item, '=', "pattern=N");
        if (pattern.Length == 0) throw new FormatException("a pattern is missing");
        return new JsonObject { ["filePattern"] = pattern, ["verbosity"] = Integer(level, 0, int.MaxValue) };
    }

    private static IEnumerable<string> Csv(string text)
    {
        for (int i = 0; i < text.Length;)
        {
            if (text[i] == '"')
            {
                System.Text.StringBuilder item = new();
                for (i++; ; i++)
                {
                    if (i >= text.Length) throw new FormatException("a quote is not closed");
                    if (text[i] != '"') item.Append(text[i]);
                    else if (i + 1 < text.Length && text[i + 1] == '"') item.Append(text[i++]);
                    else break;
                }

                if (++i < text.Length && text[i++] != ',') throw new FormatException("a comma is missing after a quoted item");
                yield return item.ToString();
            }
            else
            {
                int end = text.IndexOf(',', i);
                if (end < 0) end = text.Length;
                yield return text[i..end];
                i = end + 1;
            }
        }
    }
}
