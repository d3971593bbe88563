using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Kubelet;

/// <summary>Durations in Go's syntax: 300ms, 1.5h, 2h45m, -1s, 0. Finer than 100 ns is cut off.</summary>
public static class GoDurationText
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        bool negative = text.StartsWith('-');
        ReadOnlySpan<char> rest = negative || text.StartsWith('+') ? text.AsSpan(1) : text;
        if (rest is "0") return true;
        if (rest.IsEmpty) return false;
        decimal ticks = 0;
        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExcept(NumberCharacters);
            if (digits <= 0 || digits > 25 || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
                return false;
            rest = rest[digits..];
            int end = rest.IndexOfAny(NumberCharacters);
            decimal unit = (end < 0 ? rest : rest[..end]) switch
            {
                "ns" => 0.01m,
                "us" or "µs" or "μs" => TimeSpan.TicksPerMicrosecond,
                "ms" => TimeSpan.TicksPerMillisecond,
                "s" => TimeSpan.TicksPerSecond,
                "m" => TimeSpan.TicksPerMinute,
                "h" => TimeSpan.TicksPerHour,
                _ => 0,
            };
            // Go counts nanoseconds in 63 bits: about 292 years.
            if (unit == 0 || number > 1e17m || (ticks += number * unit) > long.MaxValue / 100) return false;
            rest = end < 0 ? [] : rest[end..];
        }

        duration = TimeSpan.FromTicks((long)(negative ? -ticks : ticks));
        return true;
    }

    public static string Format(TimeSpan value)
    {
        if (value == TimeSpan.Zero) return "0s";
        string sign = value < TimeSpan.Zero ? "-" : "";
        decimal seconds = Math.Abs((decimal)value.Ticks) / TimeSpan.TicksPerSecond;
        if (seconds < 1)
            return sign + (seconds < 0.001m ? Number(seconds * 1_000_000) + "µs" : Number(seconds * 1000) + "ms");
        long hours = (long)(seconds / 3600);
        long minutes = (long)(seconds / 60) % 60;
        string text = Number(seconds % 60) + "s";
        if (seconds >= 60) text = $"{minutes}m{text}";
        return sign + (hours > 0 ? $"{hours}h{text}" : text);
    }

    private static string Number(decimal value) => value.ToString("0.#######", CultureInfo.InvariantCulture);
}

/// <summary>A duration field: a string in Go's syntax, as in every Kubernetes configuration.</summary>
public sealed class GoDurationConverter : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && GoDurationText.TryParse(reader.GetString()!, out TimeSpan value)
            ? value
            : throw new JsonException("a duration such as \"10s\" or \"1h30m\" is needed");

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => writer.WriteStringValue(GoDurationText.Format(value));
}

/// <summary>logging.flushFrequency: a string in Go's syntax, or a number of nanoseconds.</summary>
public sealed class FlushFrequencyConverter : JsonConverter<TimeSpan>
{
    private static readonly GoDurationConverter Text = new();

    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long nanoseconds)
            ? TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick)
            : Text.Read(ref reader, typeToConvert, options);

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => Text.Write(writer, value, options);
}
