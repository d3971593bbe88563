using System.Buffers;
using System.Globalization;
using System.Text;

namespace NativeKubelet.Core.Stats;

/// <summary>
/// Metrics in Prometheus's text form (version 0.0.4), written into one rented buffer. A family's head is written with its first sample,
/// so that one without any is not told of.
/// </summary>
public sealed class MetricText : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(16 << 10);
    private int _length;
    private string _name = "", _type = "", _help = "";
    private bool _headed;

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    public override string ToString() => Encoding.UTF8.GetString(_bytes, 0, _length);

    /// <summary>All samples of a family follow it, as the form demands.</summary>
    /// <param name="type">counter, gauge or histogram.</param>
    /// <param name="help">With its stability in brackets, as Kubernetes writes it.</param>
    public MetricText Family(string name, string type, string help)
    {
        (_name, _type, _help, _headed) = (name, type, help, false);
        return this;
    }

    /// <param name="labels">As <see cref="Label"/> makes them, joined by commas; empty: none.</param>
    /// <param name="more">Labels of this sample beside those.</param>
    /// <param name="at">When it was measured, in milliseconds of the Unix clock; null: now.</param>
    public void Sample(string labels, double value, long? at = null, string more = "")
    {
        Head("", labels, more);
        Number(value);
        Tail(at);
    }

    /// <inheritdoc cref="Sample(string, double, long?, string)"/>
    public void Sample(string labels, long value, long? at = null, string more = "")
    {
        Head("", labels, more);
        Number(value);
        Tail(at);
    }

    /// <summary>One of the series that a histogram is made of.</summary>
    /// <param name="suffix">Of the family's name.</param>
    internal void Part(string suffix, string labels, string more, long value)
    {
        Head(suffix, labels, more);
        Number(value);
        Tail(null);
    }

    /// <inheritdoc cref="Part(string, string, string, long)"/>
    internal void Part(string suffix, string labels, string more, double value)
    {
        Head(suffix, labels, more);
        Number(value);
        Tail(null);
    }

    /// <summary>Nothing is written where nothing is known.</summary>
    public void Known(string labels, long? value, long? at = null, string more = "")
    {
        if (value is { } known) Sample(labels, known, at, more);
    }

    /// <summary>A counter of nanoseconds as seconds; nothing where nothing is known.</summary>
    public void Seconds(string labels, long? nanoseconds, long? at = null, string more = "")
    {
        if (nanoseconds is { } known) Sample(labels, known / 1e9, at, more);
    }

    public void Dispose()
    {
        byte[] bytes = Interlocked.Exchange(ref _bytes, []);
        if (bytes.Length > 0) ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <summary>NAME="VALUE", with what the form would misread taken out of the value.</summary>
    public static string Label(string name, string value)
    {
        if (value.AsSpan().IndexOfAny('\\', '"', '\n') >= 0)
            value = value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return $"{name}=\"{value}\"";
    }

    private void Head(string suffix, string labels, string more)
    {
        if (!_headed)
        {
            _headed = true;
            Text("# HELP ");
            Text(_name);
            Text(" ");
            Text(_help);
            Text("\n# TYPE ");
            Text(_name);
            Text(" ");
            Text(_type);
            Text("\n");
        }
        Text(_name);
        Text(suffix);
        if (labels.Length + more.Length > 0)
        {
            Text("{");
            Text(labels);
            if (labels.Length > 0 && more.Length > 0) Text(",");
            Text(more);
            Text("}");
        }
        Text(" ");
    }

    private void Tail(long? at)
    {
        if (at is { } time)
        {
            Text(" ");
            Number(time);
        }
        Text("\n");
    }

    private void Number(double value)
    {
        if (double.IsInfinity(value))
        {
            Text(value > 0 ? "+Inf" : "-Inf");
            return;
        }
        Room(32);
        _ = value.TryFormat(_bytes.AsSpan(_length), out int written, default, CultureInfo.InvariantCulture);
        _length += written;
    }

    private void Number(long value)
    {
        Room(24);
        _ = value.TryFormat(_bytes.AsSpan(_length), out int written, default, CultureInfo.InvariantCulture);
        _length += written;
    }

    private void Text(string text)
    {
        Room(Encoding.UTF8.GetMaxByteCount(text.Length));
        _length += Encoding.UTF8.GetBytes(text, _bytes.AsSpan(_length));
    }

    private void Room(int bytes)
    {
        if (_bytes.Length - _length >= bytes) return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(_bytes.Length * 2, _length + bytes));
        _bytes.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
