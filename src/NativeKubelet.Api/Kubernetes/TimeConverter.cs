using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Kubernetes;

/// <summary>metav1.Time: RFC 3339, read with any fraction and offset, written in UTC to the second.</summary>
internal sealed class TimeConverter : JsonConverter<DateTime>
{
    public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Rfc3339.Read(ref reader);

    public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
}

/// <summary>metav1.MicroTime: as Time, but always with six digits of fraction.</summary>
internal sealed class MicroTimeConverter : JsonConverter<DateTime?>
{
    public static readonly MicroTimeConverter Instance = new();

    public override DateTime? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? null : Rfc3339.Read(ref reader);

    public override void Write(Utf8JsonWriter writer, DateTime? value, JsonSerializerOptions options)
    {
        if (value is { } time) writer.WriteStringValue(time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
        else writer.WriteNullValue();
    }
}

internal static class Rfc3339
{
    public static DateTime Read(ref Utf8JsonReader reader)
    {
        string? text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        // Date, 'T', time and zone are all required: without a zone the moment would depend on this machine.
        if (text is { Length: >= 20 } && text[10] is 'T' or 't'
            && (text[^1] is 'Z' or 'z' || (text[^3] == ':' && text[^6] is '+' or '-'))
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset time))
            return time.UtcDateTime;
        throw new JsonException("must be a time as in 2006-01-02T15:04:05Z");
    }
}
