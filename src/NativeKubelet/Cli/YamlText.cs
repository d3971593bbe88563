using System.Text.Json;

namespace NativeKubelet.Cli;

/// <summary>Prints JSON as YAML the way kubectl does: block style, keys in their order, strings quoted only where they must be.</summary>
public static class YamlText
{
    public static void Write(JsonElement value, TextWriter to)
    {
        if (IsBlock(value)) Block(value, 0, to, inItem: false);
        else to.WriteLine(Scalar(value));
    }

    private static bool IsBlock(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().MoveNext(),
        JsonValueKind.Array => value.GetArrayLength() > 0,
        _ => false,
    };

    private static void Block(JsonElement value, int indent, TextWriter to, bool inItem)
    {
        string pad = new(' ', indent);
        bool first = inItem;
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty field in value.EnumerateObject())
            {
                to.Write(first ? "" : pad);
                first = false;
                to.Write(Text(field.Name) + ":");
                if (IsBlock(field.Value))
                {
                    to.WriteLine();
                    // Lists stand below their key without further indentation.
                    Block(field.Value, field.Value.ValueKind == JsonValueKind.Array ? indent : indent + 2, to, inItem: false);
                }
                else to.WriteLine(" " + Scalar(field.Value));
            }
            return;
        }
        foreach (JsonElement item in value.EnumerateArray())
        {
            to.Write((first ? "" : pad) + "- ");
            first = false;
            if (IsBlock(item)) Block(item, indent + 2, to, inItem: true);
            else to.WriteLine(Scalar(item));
        }
    }

    private static string Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "{}",
        JsonValueKind.Array => "[]",
        JsonValueKind.String => Text(value.GetString()!),
        _ => value.GetRawText(),
    };

    private static string Text(string text)
    {
        bool plain = text.Length > 0 && text.AsSpan().IndexOfAnyExcept(PlainCharacters) < 0
            && (char.IsAsciiLetter(text[0]) || text[0] is '/' or '.' or '_' && text.Length > 1)
            && text[^1] is not ' ' and not ':' && !text.Contains(": ", StringComparison.Ordinal) && !text.Contains(" #", StringComparison.Ordinal)
            && !Reserved.Contains(text) && !double.TryParse(text, out _);
        // A JSON string is a YAML string: double quotes with the same escapes.
        return plain ? text : $"\"{JsonEncodedText.Encode(text, Encoder)}\"";
    }

    private static readonly System.Text.Encodings.Web.JavaScriptEncoder Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    private static readonly System.Buffers.SearchValues<char> PlainCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./@:+= ");

    private static readonly HashSet<string> Reserved =
        new(["true", "false", "yes", "no", "on", "off", "null", "y", "n", ".inf", ".nan", "="], StringComparer.OrdinalIgnoreCase);
}
