using System.Globalization;
using System.Text.Json;

namespace NativeKubelet.Api.Yaml;

/// <summary>JSON text into the same tree, with numbers and escapes kept as written (a YAML reader would lose both).</summary>
internal ref struct JsonTreeReader
{
    private readonly ReadOnlySpan<byte> _text;
    private Utf8JsonReader _reader;
    private readonly YamlLimits _limits;
    private List<YamlProblem> _duplicates = [];
    private long _counted;
    private int _line = 1;
    private long _lineStart;

    public JsonTreeReader(ReadOnlySpan<byte> text, YamlLimits limits)
    {
        _text = text;
        _limits = limits;
        _reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = limits.MaxDepth, AllowMultipleValues = true });
    }

    /// <exception cref="JsonException">The text is no JSON.</exception>
    public List<(YamlNode Root, List<YamlProblem> Duplicates)> Read()
    {
        List<(YamlNode, List<YamlProblem>)> documents = [];
        while (_reader.Read())
        {
            if (documents.Count == _limits.MaxDocuments) throw new YamlFormatException(_line, 1, $"more than {_limits.MaxDocuments} documents");
            _duplicates = [];
            YamlNode root = Node("", 1);
            if (!root.IsNull) documents.Add((root, _duplicates));
        }

        return documents;
    }

    private YamlNode Node(string path, int depth)
    {
        SourcePosition position = Position();
        switch (_reader.TokenType)
        {
            case JsonTokenType.StartObject:
                FieldCollector fields = new();
                while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
                {
                    SourcePosition at = Position();
                    string name = _reader.GetString() ?? "";
                    _reader.Read();
                    bool nested = _reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray;
                    string fieldPath = nested || path.Length < 1024 ? Join(path, name) : path;
                    if (!fields.Set(new(name, at, Node(fieldPath, depth + 1))))
                        _duplicates.Add(new(fieldPath, at.Line, at.Column, $"key \"{name}\" already set in map"));
                }

                return new(position, depth) { Fields = fields.Fields, Complete = true };
            case JsonTokenType.StartArray:
                List<YamlNode> items = [];
                while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
                    items.Add(Node(string.Create(CultureInfo.InvariantCulture, $"{path}[{items.Count}]"), depth + 1));
                return new(position, depth) { Items = items, Complete = true };
            case JsonTokenType.String:
                _ = _reader.GetString(); // refuses lone surrogates and bad UTF-8 here, with a place, and not in the typed decode
                return new(position, depth) { Scalar = [(byte)'"', .. _reader.ValueSpan, (byte)'"'], Complete = true };
            default:
                return new(position, depth) { Scalar = _reader.ValueSpan.ToArray(), Complete = true };
        }
    }

    private static string Join(string path, string name)
    {
        string joined = path.Length == 0 ? name : $"{path}.{name}";
        return joined.Length <= 1024 ? joined : joined[..1024] + "…";
    }

    private SourcePosition Position()
    {
        long at = _reader.TokenStartIndex;
        for (; _counted < at; _counted++)
            if (_text[(int)_counted] == '\n')
            {
                _line++;
                _lineStart = _counted + 1;
            }

        return new(_line, (int)(at - _lineStart) + 1);
    }
}
