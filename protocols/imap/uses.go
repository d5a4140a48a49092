package imap

import (
	"strings"

	"github.com/emersion/go-imap/v2"
)

// useNames are the names, in lower case, by which servers and mail programs
// call the mailboxes of RFC 6154 in the languages of their users.
var useNames = []struct {
	use   imap.MailboxAttr
	names string // separated by "|"
}{
	{imap.MailboxAttrSent, "sent|sent items|sent mail|sent messages|sent-mail|gesendet|gesendete objekte|gesendete elemente|gesendete nachrichten|" +
		"envoyés|messages envoyés|éléments envoyés|courrier envoyé|enviados|elementos enviados|mensajes enviados|correo enviado|itens enviados|mensagens enviadas|" +
		"posta inviata|inviata|inviati|elementi inviati|verzonden|verzonden items|verzonden berichten|skickat|skickade|skickade objekt|sendt|sendte elementer|sendt post|" +
		"lähetetyt|wysłane|elementy wysłane|odeslaná pošta|odeslané|odoslaná pošta|elküldött|elküldött elemek|trimise|mesaje trimise|gönderilmiş öğeler|gönderilenler|" +
		"отправленные|надіслані|изпратени|послато|απεσταλμένα|المرسلة|البريد المرسل|فرستاده شده|נשלח|דואר יוצא|भेजे गए|भेजा गया|প্রেরিত|terkirim|surat terkirim|đã gửi|thư đã gửi|ส่งแล้ว|" +
		"已发送|已发送邮件|已傳送|寄件備份|送信済み|送信済みメール|보낸 편지함|보낸편지함"},
	{imap.MailboxAttrDrafts, "drafts|draft|entwürfe|entwurf|brouillons|brouillon|borradores|borrador|rascunhos|rascunho|bozze|bozza|concepten|utkast|kladder|kladde|luonnokset|" +
		"wersje robocze|szkice|robocze|koncepty|rozepsané|piszkozatok|ciorne|schițe|taslaklar|черновики|чернетки|чернови|нацрти|πρόχειρα|المسودات|مسودات|پیش‌نویس‌ها|טיוטות|ड्राफ़्ट|ड्राफ्ट|খসড়া|" +
		"draf|konsep|bản nháp|thư nháp|ฉบับร่าง|草稿|草稿箱|草稿夾|下書き|임시 보관함|임시보관함"},
	{imap.MailboxAttrTrash, "trash|deleted|deleted items|deleted messages|bin|papierkorb|gelöscht|gelöschte objekte|gelöschte elemente|gelöschte nachrichten|corbeille|éléments supprimés|" +
		"messages supprimés|papelera|papelera de reciclaje|elementos eliminados|eliminados|lixeira|lixo|itens excluídos|itens eliminados|cestino|posta eliminata|eliminata|prullenbak|prullenmand|" +
		"verwijderde items|papperskorg|papperskorgen|borttaget|borttagna objekt|papirkurv|slettede elementer|slettet post|roskakori|poistetut|kosz|elementy usunięte|koš|odstraněná pošta|kôš|" +
		"odstránená pošta|kuka|lomtár|törölt elemek|gunoi|coș de gunoi|elemente șterse|çöp|çöp kutusu|silinmiş öğeler|корзина|удаленные|удалённые|кошик|видалені|кошче|смеће|" +
		"κάδος απορριμμάτων|διαγραμμένα|المهملات|سلة المهملات|المحذوفة|زباله‌دان|אשפה|रद्दी|ट्रैश|ট্র্যাশ|sampah|tong sampah|thùng rác|ถังขยะ|垃圾箱|已删除|已删除邮件|已刪除的郵件|垃圾桶|ゴミ箱|ごみ箱|휴지통|지운 편지함"},
	{imap.MailboxAttrJunk, "junk|spam|junk e-mail|junk email|junk mail|bulk mail|bulk|spamverdacht|unerwünscht|courrier indésirable|indésirables|pourriel|correo no deseado|no deseado|" +
		"lixo eletrônico|lixo eletrónico|posta indesiderata|indesiderata|ongewenste e-mail|ongewenst|reclame|skräppost|søppelpost|uønsket post|uønsket e-mail|roskaposti|niechciane|wiadomości-śmieci|nevyžádaná pošta|" +
		"nevyžiadaná pošta|levélszemét|önemsiz|gereksiz|istenmeyen|спам|нежелательная почта|небажана пошта|ανεπιθύμητα|بريد غير هام|البريد العشوائي|هرزنامه|דואר זבל|स्पैम|জাঙ্ক|thư rác|สแปม|อีเมลขยะ|垃圾邮件|垃圾郵件|迷惑メール|스팸|스팸 메일함|정크 메일"},
	{imap.MailboxAttrArchive, "archive|archives|archived|archiv|archivé|archivo|archivados|arquivo|arquivados|archivio|archiviati|archief|arkiv|arkisto|archiwum|arhivă|arşiv|архив|архів|архива|αρχειοθήκη|" +
		"الأرشيف|أرشيف|بایگانی|ארכיון|संग्रह|आर्काइव|সংগ্রহাগার|arsip|lưu trữ|เก็บถาวร|归档|封存|アーカイブ|보관함|보관"},
}

// guessUses gives mailboxes the attributes of RFC 6154 by their names, each to
// the first that has one of them.
func guessUses(list []*imap.ListData) {
	for _, row := range useNames {
		var found *imap.ListData
		for _, data := range list {
			if hasAttr(data, row.use) {
				found = nil
				break
			}
			if found == nil && !hasUse(data) && !hasAttr(data, imap.MailboxAttrNoSelect) && isNamed(data, row.names) {
				found = data
			}
		}
		if found != nil {
			found.Attrs = append(found.Attrs, row.use)
		}
	}
}

func isNamed(data *imap.ListData, names string) bool {
	name := data.Mailbox
	if data.Delim != 0 {
		name = name[strings.LastIndex(name, string(data.Delim))+1:]
	}
	name = strings.ToLower(name)
	return name != "" && !strings.Contains(name, "|") && strings.Contains("|"+names+"|", "|"+name+"|")
}

// hasUse reports whether a mailbox has an attribute of RFC 6154.
//
//go:noinline
func hasUse(data *imap.ListData) bool {
	for _, a := range data.Attrs {
		switch a {
		case imap.MailboxAttrAll, imap.MailboxAttrArchive, imap.MailboxAttrDrafts, imap.MailboxAttrFlagged,
			imap.MailboxAttrJunk, imap.MailboxAttrSent, imap.MailboxAttrTrash, imap.MailboxAttrImportant:
			return true
		}
	}
	return false
}
