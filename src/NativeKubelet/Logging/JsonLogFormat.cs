using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Serilog.Events;
using Serilog.Formatting;

namespace NativeKubelet.Logging;

/// <summary>
/// The JSON of the other Kubernetes programs: <c>{"ts":1732460645123.456,"caller":"PodWorker","msg":"PodStarted","v":0,"pod":"default/web"}</c>.
/// Errors have <c>err</c> instead of <c>v</c>; <c>severity</c> is ours, as theirs cannot tell a warning from anything else.
/// </summary>
internal sealed class JsonLogFormat(TimeProvider time) : ITextFormatter
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string[] Own = ["ts", "caller", "msg", "v", "err", "severity"];

    public void Format(LogEvent logEvent, TextWriter output)
    {
        LogLine line = LogLine.Of(logEvent);
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("ts", (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / (decimal)TimeSpan.TicksPerMillisecond);
            json.WriteString("caller", line.Category);
            json.WriteString("msg", line.Message);
            if (logEvent.Level < LogEventLevel.Error)
                json.WriteNumber("v", logEvent.Level switch { LogEventLevel.Verbose => LogVerbosity.Trace, LogEventLevel.Debug => LogVerbosity.Debug, _ => 0 });
            if (line.Error is { } error) json.WriteString("err", error);
            if (logEvent.Level >= LogEventLevel.Warning) json.WriteString("severity", logEvent.Level switch { LogEventLevel.Warning => "warning", LogEventLevel.Error => "error", _ => "fatal" });
            // A name twice in one object would hide one of the values from whoever reads it.
            HashSet<string> taken = [.. Own];
            foreach ((string name, LogEventPropertyValue value) in line.Fields)
            {
                string free = name;
                while (!taken.Add(free)) free += "_";
                json.WritePropertyName(free);
                Value(json, value);
            }
            json.WriteEndObject();
        }
        output.Write(Encoding.UTF8.GetString(buffer.WrittenSpan));
        output.Write('\n');
    }

    private static void Value(Utf8JsonWriter json, LogEventPropertyValue value)
    {
        switch (value)
        {
            case ScalarValue { Value: null }: json.WriteNullValue(); break;
            case ScalarValue { Value: bool flag }: json.WriteBooleanValue(flag); break;
            case ScalarValue { Value: byte or short or ushort or int or uint or long } number: json.WriteNumberValue(Convert.ToInt64(number.Value, null)); break;
            case ScalarValue { Value: ulong number }: json.WriteNumberValue(number); break;
            case ScalarValue { Value: double number } when double.IsFinite(number): json.WriteNumberValue(number); break;
            case SequenceValue list:
                json.WriteStartArray();
                foreach (LogEventPropertyValue item in list.Elements) Value(json, item);
                json.WriteEndArray();
                break;
            default: json.WriteStringValue(LogLine.Text(value)); break;
        }
    }
}
