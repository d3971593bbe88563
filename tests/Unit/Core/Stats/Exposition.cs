using System.Globalization;
using System.Text.RegularExpressions;

namespace NativeKubelet.Tests.Unit.Core.Stats;

/// <summary>A page of metrics, read as strictly as Prometheus's text form 0.0.4 says: what is written carelessly does not pass.</summary>
public sealed partial class Exposition
{
    private readonly Dictionary<string, string> _types = [];
    private readonly Dictionary<string, double> _values = [];      // by name{labels in the order of their names}
    private string _family = "";

    private Exposition()
    {
    }

    /// <summary>By name; counter, gauge or histogram.</summary>
    public IReadOnlyDictionary<string, string> Types => _types;

    /// <exception cref="FormatException">With the line that is wrong.</exception>
    public static Exposition Parse(string page)
    {
        Exposition read = new();
        if (page.Length > 0 && !page.EndsWith('\n')) throw new FormatException("the last line has no end");
        string help = "";
        foreach (string line in page.Split('\n')[..^1])
        {
            if (HelpLine().Match(line) is { Success: true } head) help = head.Groups[1].Value;
            else if (TypeLine().Match(line) is { Success: true } type)
            {
                read._family = type.Groups[1].Value;
                if (help != read._family || !read._types.TryAdd(read._family, type.Groups[2].Value)) throw new FormatException(line);
            }
            else read.Sample(line);
        }
        foreach ((string name, string type) in read._types)
            if (type == "histogram") read.CheckHistogram(name);
        return read;
    }

    /// <param name="labels">All of the series' labels, in the order of their names, as in <c>a="1",b="2"</c>.</param>
    public double Value(string name, string labels) => _values.TryGetValue($"{name}{{{labels}}}", out double value) ? value : throw new KeyNotFoundException($"{name}{{{labels}}}");

    /// <summary>Over all series of the name that have the label.</summary>
    public double Sum(string name, string label) =>
        _values.Where(v => v.Key.StartsWith(name + "{", StringComparison.Ordinal) && v.Key.Contains(label, StringComparison.Ordinal)).Sum(v => v.Value);

    public bool Has(string name, string labels) => _values.ContainsKey($"{name}{{{labels}}}");

    private void Sample(string line)
    {
        Match sample = SampleLine().Match(line);
        string name = sample.Groups["name"].Value;
        if (!sample.Success || !Belongs(name)) throw new FormatException(line);
        string[] labels = [.. LabelPair().Matches(sample.Groups["labels"].Value).Select(m => m.Value).Order(StringComparer.Ordinal)];
        if (labels.DistinctBy(l => l.Split('=')[0]).Count() != labels.Length) throw new FormatException(line);
        double value = sample.Groups["value"].Value switch
        {
            "+Inf" => double.PositiveInfinity,
            "-Inf" => double.NegativeInfinity,
            var number => double.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture),
        };
        if (!_values.TryAdd($"{name}{{{string.Join(',', labels)}}}", value)) throw new FormatException($"twice: {line}");
    }

    private bool Belongs(string name) => _family.Length > 0 && (_types[_family] == "histogram"
        ? name == _family + "_bucket" || name == _family + "_sum" || name == _family + "_count" : name == _family);

    private void CheckHistogram(string name)
    {
        var buckets =
            from value in _values
            where value.Key.StartsWith(name + "_bucket{", StringComparison.Ordinal)
            let le = Le().Match(value.Key)
            group (Bound: le.Groups[1].Value == "+Inf" ? double.PositiveInfinity : double.Parse(le.Groups[1].Value, CultureInfo.InvariantCulture), value.Value)
                by value.Key[(name.Length + 8)..^1].Replace(le.Value, "", StringComparison.Ordinal).Trim(',').Replace(",,", ",", StringComparison.Ordinal);
        foreach (var series in buckets)
        {
            var rising = series.OrderBy(b => b.Bound).ToList();
            bool whole = double.IsPositiveInfinity(rising[^1].Bound) && rising.Zip(rising.Skip(1)).All(p => p.First.Value <= p.Second.Value)
                && Value(name + "_count", series.Key) == rising[^1].Value && Has(name + "_sum", series.Key);
            if (!whole) throw new FormatException($"{name}{{{series.Key}}} is no histogram");
        }
    }

    [GeneratedRegex(@"\A# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\n]+\z")]
    private static partial Regex HelpLine();

    [GeneratedRegex(@"\A# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)\z")]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"\A(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<labels>[a-zA-Z_][a-zA-Z0-9_]*=""(\\[\\n""]|[^\\""])*""(,[a-zA-Z_][a-zA-Z0-9_]*=""(\\[\\n""]|[^\\""])*"")*)\})? (?<value>[-+]?[0-9.]+(E[-+]?[0-9]+)?|[-+]Inf|NaN)( [0-9]+)?\z")]
    private static partial Regex SampleLine();

    [GeneratedRegex(@"[a-zA-Z_][a-zA-Z0-9_]*=""(\\[\\n""]|[^\\""])*""")]
    private static partial Regex LabelPair();

    [GeneratedRegex(@"(?<=[{,])le=""([^""]*)""")]
    private static partial Regex Le();
}
