using System.Text;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>Writes an OCI layout of given layers, decent or not; all digests are honest.</summary>
public static class LayoutWriter
{
    public static string Write(string directory, string name, params byte[][] layers)
    {
        string blobs = Directory.CreateDirectory(Path.Combine(directory, "blobs/sha256")).FullName;
        string Put(byte[] content, string type)
        {
            ContentDigest digest = ContentDigest.Of(content);
            File.WriteAllBytes(Path.Combine(blobs, digest.Hex), content);
            return $"\"mediaType\":\"application/vnd.oci.image.{type}\",\"digest\":\"{digest}\",\"size\":{content.Length}";
        }
        string architecture = Platform.Host.Architecture;
        byte[] config = Encoding.UTF8.GetBytes(
            $$$"""{"os":"linux","architecture":"{{{architecture}}}","rootfs":{"type":"layers","diff_ids":[{{{string.Join(',', layers.Select(l => $"\"{ContentDigest.Of(l)}\""))}}}]}}""");
        byte[] manifest = Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"config":{ {{Put(config, "config.v1+json")}} },"layers":[{{string.Join(',', layers.Select(l => "{" + Put(l, "layer.v1.tar") + "}"))}}]}""");
        File.WriteAllText(Path.Combine(directory, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(Path.Combine(directory, "index.json"),
            $$$"""{"schemaVersion":2,"manifests":[{ {{{Put(manifest, "manifest.v1+json")}}},"annotations":{"org.opencontainers.image.ref.name":"{{{name}}}"}}]}""");
        return directory;
    }
}
