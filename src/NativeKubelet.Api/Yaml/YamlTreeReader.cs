using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace NativeKubelet.Api.Yaml;

/// <summary>
/// Turns the parser's events into our tree. Only YamlDotNet's parser is used: its object mapping needs reflection
/// and would lose what we must keep, the places and the duplicates.
/// </summary>
internal sealed class YamlTreeReader(string text, YamlLimits limits)
{
    private readonly Parser _parser = new Parser(new StringReader(text));
    private readonly Dictionary<string, YamlNode> _anchors = [];
    private List<YamlProblem> _duplicates = [];
    private string _path = "";

    public List<(YamlNode Root, List<YamlProblem> Duplicates)> Read()
    {
        List<(YamlNode, List<YamlProblem>)> documents = [];
        while (_parser.MoveNext())
        {
            if (_parser.Current is not DocumentStart) continue;
            if (documents.Count == limits.MaxDocuments)
                throw Fault(_parser.Current, $"more than {limits.MaxDocuments} documents");
            _anchors.Clear();
            _duplicates = [];
            _path = "";
            YamlNode root = Node(Next(), 1);
            if (!root.IsNull) documents.Add((root, _duplicates));
        }

        return documents;
    }

    private ParsingEvent Next() => _parser.MoveNext() && _parser.Current is { } current
        ? current
        : throw new YamlFormatException(0, 0, "the text ends within a document");

    private YamlNode Node(ParsingEvent current, int depth)
    {
        if (depth > limits.MaxDepth) throw Fault(current, $"nested deeper than {limits.MaxDepth} levels");
        SourcePosition position = Position(current);
        switch (current)
        {
            case AnchorAlias alias:
                if (!_anchors.TryGetValue(alias.Value.Value, out YamlNode? known)) throw Fault(current, $"alias *{alias.Value.Value} has no anchor");
                return known.Complete ? known : throw Fault(current, $"anchor &{alias.Value.Value} contains itself");
            case Scalar scalar:
                YamlNode leaf = new(position, depth) { Scalar = ScalarJson(scalar), Complete = true };
                Remember(scalar, leaf);
                return leaf;
            case SequenceStart sequence:
                YamlNode list = new(position, depth) { Items = [] };
                Remember(sequence, list);
                string listPath = _path;
                for (ParsingEvent item = Next(); item is not SequenceEnd; item = Next())
                {
                    // The path is only needed for what a map may report; building it for scalars would be waste.
                    if (item is not Scalar) _path = string.Create(CultureInfo.InvariantCulture, $"{listPath}[{list.Items.Count}]");
                    list.Items.Add(Node(item, depth + 1));
                }

                _path = listPath;
                list.Complete = true;
                return list;
            case MappingStart mapping:
                return Map(mapping, position, depth);
            default:
                throw Fault(current, "a value was expected");
        }
    }

    private YamlNode Map(MappingStart start, SourcePosition position, int depth)
    {
        FieldCollector fields = new();
        YamlNode map = new(position, depth) { Fields = fields.Fields };
        Remember(start, map);
        List<YamlNode> merges = [];
        string mapPath = _path;
        for (ParsingEvent key = Next(); key is not MappingEnd; key = Next())
        {
            if (key is not Scalar scalar) throw Fault(key, "a map's key must be a plain word");
            if (scalar is { Value: "<<", Style: ScalarStyle.Plain })
            {
                merges.Add(Node(Next(), depth + 1));
                continue;
            }

            string name = KeyName(scalar);
            ParsingEvent valueEvent = Next();
            if (valueEvent is not Scalar) _path = Join(mapPath, name);
            YamlField field = new(name, Position(key), Node(valueEvent, depth + 1));
            if (!fields.Set(field))
                _duplicates.Add(new(Join(mapPath, name), field.Position.Line, field.Position.Column, $"key \"{Short(name)}\" already set in map"));
        }

        _path = mapPath;
        foreach (YamlNode merge in merges)
            Merge(fields, merge);
        map.Complete = true;
        return map;
    }

    // Counted as they are copied: chains of merges multiply like aliases, but before anything is written.
    private int _merged;

    private void Merge(FieldCollector into, YamlNode from)
    {
        if (from.Fields is { } fields)
        {
            _merged += fields.Count;
            if (_merged > limits.MaxExpandedNodes) throw Fault(from.Position, "merge keys expand to too much");
            into.Merge(fields);
        }
        else if (from.Items is { } items && items.TrueForAll(i => i.Fields is not null))
        {
            foreach (YamlNode item in items) Merge(into, item);
        }
        else
        {
            throw Fault(from.Position, "a merge key (<<) needs a map or a list of maps");
        }
    }

    private static byte[] ScalarJson(Scalar scalar)
    {
        try
        {
            if (!scalar.Tag.IsEmpty) return YamlScalars.Tagged(scalar.Tag.Value, scalar.Value);
            return scalar.Style == ScalarStyle.Plain ? YamlScalars.Plain(scalar.Value) : YamlScalars.Quoted(scalar.Value);
        }
        catch (FormatException e)
        {
            throw Fault(scalar, e.Message);
        }
    }

    // JSON keys are strings: 80: and yes: become "80" and "true", as in the original.
    private static string KeyName(Scalar scalar)
    {
        byte[] json = ScalarJson(scalar);
        return json[0] switch
        {
            (byte)'"' => scalar.Value,
            (byte)'n' => throw Fault(scalar, "a map's key is empty"),
            _ => System.Text.Encoding.ASCII.GetString(json),
        };
    }

    private void Remember(NodeEvent node, YamlNode value)
    {
        if (!node.Anchor.IsEmpty) _anchors[node.Anchor.Value] = value;
    }

    private static string Join(string path, string name) => Short(path.Length == 0 ? name : $"{path}.{name}");

    // Paths are for messages; without a bound, long nested keys would cost the square of the text.
    private static string Short(string text) => text.Length <= 1024 ? text : text[..1024] + "…";

    private static SourcePosition Position(ParsingEvent at) => new((int)at.Start.Line, (int)at.Start.Column);

    private static YamlFormatException Fault(ParsingEvent at, string reason) => Fault(Position(at), reason);

    private static YamlFormatException Fault(SourcePosition at, string reason) => new(at.Line, at.Column, reason);
}
