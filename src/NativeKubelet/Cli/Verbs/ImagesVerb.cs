using System.Text.Json;
using NativeKubelet.Api.Local;
using NativeKubelet.Cli.Images;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>images</c>: the images of this node, and which pods need them.</summary>
internal sealed class ImagesVerb(CliConsole console)
{
    private const int ShortId = 12;

    public VerbSpec Spec => new(
        "images", "[IMAGE…]", "shows the images of this node",
        [
            new("output", 'o', "FORMAT", "wide, json, yaml or name") { Choices = ["wide", "json", "yaml", "name"] },
            NodeImages.DataDirectory,
            VerbSpec.RunDirectory,
        ],
        (call, cancel) => NodeImages.UseAsync(call, create: false, images => RunAsync(images, call, cancel)))
    {
        Words = [WordKind.Image],
    };

    private async Task<int> RunAsync(NodeImages images, VerbCall call, CancellationToken cancel)
    {
        string format = call.Get("output", "");
        ImageListDocument all = await images.ListAsync(cancel);
        ImageDocument[] chosen =
        [
            .. all.Images.Where(i => call.Operands.IsEmpty || call.Operands.Any(o => IsMeant(i, o)))
                .OrderBy(NameOf, StringComparer.Ordinal),
        ];
        if (format is "json" or "yaml") PrintDocuments(chosen, format, console);
        else if (format == "name") foreach (ImageDocument image in chosen) console.Out.WriteLine(CliConsole.Clean(NameOf(image)));
        else PrintTable(chosen, wide: format == "wide");
        console.Out.Flush();
        return 0;
    }

    /// <summary>For programs: what the verbs about images all print.</summary>
    public static void PrintDocuments(IReadOnlyList<ImageDocument> images, string format, CliConsole console)
    {
        JsonElement list = JsonSerializer.SerializeToElement(new ImageListDocument(images), LocalJson.Default.ImageListDocument);
        JsonOutput.Print(list, format, console.Out);
    }

    public static string NameOf(ImageDocument image) => image is { Tags: [var tag, ..] } ? tag : image is { Digests: [var digest, ..] } ? digest : image.Id;

    private static bool IsMeant(ImageDocument image, string typed) =>
        image.Tags.Concat(image.Digests).Any(n => n.Contains(typed, StringComparison.Ordinal))
        || image.Id.StartsWith(typed, StringComparison.Ordinal) || image.Id["sha256:".Length..].StartsWith(typed, StringComparison.Ordinal);

    private void PrintTable(ImageDocument[] images, bool wide)
    {
        if (images.Length == 0)
        {
            console.Error.WriteLine("no images");
            return;
        }
        Table table = wide ? new("REPOSITORY", "TAG", "IMAGE ID", "SIZE", "PINNED", "DIGEST", "USED BY") : new("REPOSITORY", "TAG", "IMAGE ID", "SIZE", "USED BY");
        foreach (ImageDocument image in images)
        {
            string digest = image is { Digests: [var first, ..] } ? first : "", hex = image.Id["sha256:".Length..];
            string users = image.UsedBy.Count == 0 ? "-" : wide || image.UsedBy.Count < 3 ? string.Join(",", image.UsedBy) : $"{image.UsedBy[0]} and {image.UsedBy.Count - 1} others";
            string size = Units.Bytes(image.SizeBytes);
            foreach (string tag in image.Tags.DefaultIfEmpty(digest.Split('@')[0] + ":<none>"))
            {
                int colon = tag.LastIndexOf(':');
                string repository = colon > 0 ? tag[..colon] : "<none>", name = tag[(colon + 1)..];
                if (wide) table.Add(repository, name, hex, size, image.Pinned ? "yes" : "no", digest.Length > 0 ? digest.Split('@')[^1] : "-", users);
                else table.Add(repository, name, hex[..ShortId], size, users);
            }
        }
        table.Print(console.Out);
    }
}
