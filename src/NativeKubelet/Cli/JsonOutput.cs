using System.Text;
using System.Text.Json;
using System.Text.Encodings.Web;

namespace NativeKubelet.Cli;

/// <summary><c>-o json|yaml</c>: what the agent said, in a form for programs.</summary>
public static class JsonOutput
{
    private static readonly JsonWriterOptions Pretty = new() { Indented = true, IndentSize = 4, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="format">"json" or "yaml".</param>
    /// <param name="keep">Of a list's items, those to print; null: everything.</param>
    public static void Print(JsonElement value, string format, TextWriter to, Func<JsonElement, bool>? keep = null)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text, Pretty)) Copy(value, json, keep);
        if (format == "yaml")
        {
            using JsonDocument chosen = JsonDocument.Parse(text.ToArray());
            YamlText.Write(chosen.RootElement, to);
        }
        else to.WriteLine(Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length));
        to.Flush();
    }

    public static void Print(byte[] json, VerbCall call, TextWriter to)
    {
        string format = call.Get("output", "json");
        using JsonDocument document = JsonDocument.Parse(json);
        Print(document.RootElement, format, to);
    }

    private static void Copy(JsonElement value, Utf8JsonWriter to, Func<JsonElement, bool>? keep)
    {
        if (keep is null)
        {
            value.WriteTo(to);
            return;
        }
        to.WriteStartObject();
        foreach (JsonProperty field in value.EnumerateObject())
        {
            to.WritePropertyName(field.Name);
            if (!field.NameEquals("items"))
            {
                field.Value.WriteTo(to);
                continue;
            }
            to.WriteStartArray();
            foreach (JsonElement item in field.Value.EnumerateArray())
                if (keep(item)) item.WriteTo(to);
            to.WriteEndArray();
        }
        to.WriteEndObject();
    }
}
