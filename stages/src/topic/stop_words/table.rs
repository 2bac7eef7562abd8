//! The words, as they are written; [`super`] says what they are for.

use super::Table;

pub(super) const TABLES: [Table; 18] = [
    Table {
        code: "en",
        stop: "a about above actually after afternoon again against ago all almost already also although always \
               am an and another any anybody anyone anything anyway are aren around as ask asked asking at away \
               back bad be because been before being best better between both but buy by bye call came can \
               cannot cheers come comes coming could couldn day days dear did didn do does doesn doing don done \
               down each early either else enough even evening ever every everyone everything exactly far fast \
               feel few find fine first for found from further gave get gets getting give given gives giving go \
               goes going gone gonna good got great had hadn happen happened happening happy has hasn have haven \
               having he hear hello her here hers hey hi him his hope how however i if in instead into is isn it \
               its itself just keep keeps kind kindly knew know known last late later least left less let lets \
               like liked little ll long longer look looking looks made make makes making many may maybe me mean \
               might mine more morning most much must my myself near need needed needs never new next nice night \
               no nobody none nor not nothing now of off often oh ok okay old on once one ones only onto or \
               other others our ours out over own per perhaps pls please possible put quite rather re really \
               received regards right said same saw say saying says see seem seems seen send sending sent \
               several shall she should shouldn show since so some somebody someone something soon sorry still \
               such sure take taken takes taking tell than thank thanks that the their them then there these \
               they think this those though through till to today told tomorrow tonight too took tried try \
               trying two under until up upon us use used using ve very via wait waiting want wanted wants was \
               wasn way we well went were weren what when where whether which while who whole whom whose why \
               will wish with within without won work working works would wouldn write wrong wrote yes yesterday \
               yet you your yours yourself d m s t u ur hoped bought ordered paid opened called",
        weak: "deliver delivered answer anymore bit case customer customers details guy guys help hour hours info information \
               issue issues lot lots message minute minutes month months name number part people person place \
               problem problems question questions reason stuff support team thing things time times week weeks \
               year years arrive arrived change changed days different full half kinds open cancel wait pay \
               charge charged broke broken crash crashes",
        links: "of",
    },
    Table {
        code: "de",
        stop: "heiße name ab aber ach alle allem allen aller alles als also am an andere anderen anders auch auf aus bald \
               bei beim bekomme bekommen bereits besser bestens bin bis bisher bist bitte bräuchte brauche \
               brauchen bzw da dabei dafür dagegen damit danach danke dank dann daran darauf darf darüber das dass \
               dazu dein deine dem den denn der deren des deshalb dessen dich die dies diese diesem diesen \
               dieser dieses dir doch dort du durch dürfen eben eigentlich ein eine einem einen einer eines \
               einfach einmal endlich er erhalten erst es etwas euch euer eure fast freundliche freundlichen für \
               gab gar geben gegen geht gehen gemacht genau gern gerne gestern gibt ging grüß gut gute guten \
               guter habe haben hallo hast hat hatte hätte hätten heute hey hi hier hin ich ihm ihn ihnen ihr \
               ihre ihrem ihren ihrer im immer in indem ins irgendwie ist ja je jede jedem jeden jeder jedes \
               jedoch jemand jetzt kam kann kannst kaum kein keine keinen keiner klappt kommen kommt konnte \
               könnte könnten können lange lassen leider letzte letzten letzter liebe lieber los mache machen \
               macht mal man mehr mein meine meinem meinen meiner meines mich mir mit moin möchte möchten morgen \
               muss müssen nach nachdem nächste nächsten natürlich ne nein neu nicht nichts nie noch nun nur ob \
               oder ohne okay ok per schon schöne schönen sehr sei sein seine seinem seinen seiner seit seitdem \
               servus sich sie sind so sofort sogar solche soll sollte sollten sondern sonst soweit statt \
               tschüss tun über überhaupt um und uns unser unsere unserem unseren unter viel viele vielen \
               vielleicht vom von vor vorher wann war wäre waren warte warum was weg wegen weil weiß weiter \
               welche welchem welchen welcher welches wenig wenn wer werde werden wie wieder will wir wird \
               wirklich wissen wo wohl wollen wollte wurde würde würden wurden z zu zum zur zurück zwar zwei \
               zwischen tag abend grüße gruß hab habs komme kommst kriege bestelle bestellte geschickt gesendet \
               geliefert erhielt vergessen funktionieren fehlt warten antwortet meldet sagt steht passt läuft \
               schicken senden ändern",
        weak: "anfrage antwort ding dinge ende fall frage fragen hilfe info informationen jahr jahre leute mann \
               menschen minuten monat monate monaten nachricht nummer person problem probleme sache sachen \
               stunde stunden tage tagen teil uhr wochen woche zeit kunde kunden bestellt angekommen \
               funktioniert kaputt defekt stornieren kündigen zurückgeben umtauschen",
        links: "",
    },
    Table {
        code: "fr",
        stop: "appelle nom a ai aie ainsi alors après as assez au aucun aucune aujourd aussi autre autres aux avant avec \
               avez aviez avoir avons bah beaucoup bien bientôt bon bonjour bonne bonsoir c ça car ce ceci cela \
               celle celui ces cet cette chaque cher chère chez ci comme comment cordialement coucou d dans de \
               déjà demain demander depuis dernier dernière des dès deux devrait dire dis dit dois doit donc \
               donner du elle elles en encore enfin entre envoyé envoyer es est et étais était été être eu eux \
               fait faire fais faites faut fois font hier hui ici il ils j jamais je jour jours jusqu l la là \
               laquelle le lequel les leur leurs lors lorsque lui m ma madame maintenant mais malgré me même \
               mêmes merci mes mettre mieux moi moins mois mon monsieur n ne ni non nos notre nous nouveau on \
               ont ou où oui par parce pas pendant peu peut peuvent peux plaît plus plusieurs plutôt pour \
               pourquoi pourrais pourrait pouvez pouvoir près presque puis puisque qu quand que quel quelle \
               quelles quels quelqu quelque quelques qui quoi reçu recevoir rien s sa salut sans savoir se sera \
               serait ses seul seulement si sinon soit son sont sous souhaite souhaiterais suis sur svp t ta \
               tard te tel tes toi ton toujours tous tout toute toutes très trop tu un une vais va vas vers veux \
               veut voici voilà voir vos votre voudrais voulais vous vraiment vu y passe passer soir journée \
               arrive arriver fonctionne fonctionnent attends attend changer répond marche trouve \
               trouver payer payé livré",
        weak: "aide an ans année chose choses client clients cas demande gens heure heures info information \
               informations message minutes moment numéro personne problème problèmes question questions réponse \
               semaine semaines service temps annuler retourner rembourser",
        links: "de d du des",
    },
    Table {
        code: "es",
        stop: "llamo nombre a acá ahí ahora al algo alguien algún alguna algunas alguno algunos allá allí ambos antes aquel \
               aquella aquí así aún aunque ayer ayuda bien buen buena buenas bueno buenos cada casi como cómo \
               con contra cosa cual cuál cuales cualquier cuando cuándo cuanto cuánto cuántos da dado dar de \
               debe debo decir del desde después día días dice dijo dónde donde dos durante e el él ella ellas \
               ellos en entonces entre era eran eres es esa esas ese eso esos esta está estaba están estar estas \
               este esto estos estoy fue fueron gracias ha había hace hacer hacia han has hasta hay haya he \
               hecho hemos hola hoy iba igual ir jamás la las le les llega llegó llegar lo los luego mañana más \
               me mejor menos mi mía mientras mío mis misma mismo mucha muchas mucho muchos muy nada nadie \
               necesito ni ningún ninguna no noches nos nosotros nuestra nuestro nueva nuevo nunca o os otra \
               otras otro otros para parece pero poco podría podrían por porque pronto pude puede pueden puedo \
               pues que qué queda quería quien quién quiere quiero quisiera recibí recibido saber saludos se sea \
               según ser si sí siempre sigue sin sino sobre solo sólo son soy su sus suyo tal también tampoco \
               tan tanto tarde tardes te tener tengo tenía ti tiene tienen toda todas todavía todo todos tras tu \
               tú tus un una unas uno unos usted ustedes va vale vamos van varios ver vez voy y ya yo enviar \
               envió favor podéis estimado estimados funciona funcionan ayudan ayudar ayuden cambiar comprar \
               compré pedí pagar pagué dicen responden espero esperando abre abrir devolver sale pueda",
        weak: "año años caso cliente clientes consulta cosas gente hora horas info información mensaje mes meses \
               minutos momento número parte persona problema problemas pregunta respuesta semana semanas tiempo \
               cancelar roto rota",
        links: "de del",
    },
    Table {
        code: "it",
        stop: "chiamo nome a abbastanza abbiamo ad adesso agli ai al alcune alcuni all alla alle allo allora altra altre \
               altri altro anche ancora anzi appena arrivato arriva avere avete aveva avevo avrei avuto bene \
               buon buona buonasera buongiorno c capire caro che chi ci ciao cioè circa col come con contro cosa \
               cosi così cui d da dagli dai dal dall dalla dalle dallo degli dei del dell della delle dello \
               dentro deve devo di dice dire dopo dove dovrei due dunque e è ecco ed era erano eravamo essere fa \
               fare fatto fino fra già gli ha hai hanno ho i ieri il in infatti io l la là le lei li lo loro lui \
               ma magari mai male me meglio meno mentre mi mia mie miei mio molta molte molti molto ne negli nei \
               nel nell nella nelle nessun nessuna nessuno niente no noi non nostra nostro nulla o od oggi ogni \
               oppure ora per perché perciò però più piu po poco poi possibile posso potete potrei potrebbe \
               prego prima proprio può pure qual quale quali qualche qualcosa qualcuno quando quanto quasi \
               quella quelle quelli quello questa queste questi questo qui quindi ricevuto salve sapere scusi se \
               sei sempre senza si sì sia siamo siete sono sopra sotto sta stata stati stato stessa stesso sto \
               su sua subito sue sugli sui sul sull sulla sulle suo suoi tanto te ti tra troppo tu tua tuo tutta \
               tutte tutti tutto un una uno va vado vedere verso vi viene voglio voi volta vorrei vostra vostro \
               grazie mille giornata serata giorno giorni domani saluti cordiali gentile fai quanti funziona funzionano cambiare \
               comprato ordinato pagare pagato aspetto aspettando rispondono risponde apre aprire dite \
               restituire",
        weak: "aiuto anni anno caso cliente clienti cose domanda gente informazione informazioni mese mesi \
               messaggio minuti momento numero ore ora parte persona persone problema problemi risposta \
               settimana settimane tempo annullare rotto rotta",
        links: "di del della dell d",
    },
    Table {
        code: "pt",
        stop: "chamo nome a à acho agora aí ainda além algo alguém algum alguma alguns ali amanhã ao aos apenas aquela \
               aquele aqui aquilo as às assim até atrás através bem boa boas bom cada cadê chegar chegou coisa \
               com como consigo contra contudo da dá dar das de deixar dela dele delas deles demais depois desde \
               dessa desse desta deste deve devo dia dias disse disso do dois dos duas durante e é ela elas ele \
               eles em embora enquanto então entre era eram essa essas esse esses esta está estão estar estava \
               estou este estes estive eu falar faz fazer favor fez ficar fiz foi fora foram gostaria há hoje ia \
               ir isso isto já jamais la lá lhe lo logo mais mal mas me melhor menos mesma mesmo meu meus minha \
               minhas muita muitas muito muitos na nada não nas nem nenhum nenhuma ninguém no nos nós nossa \
               nosso num numa nunca o obrigada obrigado oi olá onde ontem os ou outra outras outro outros para \
               pela pelas pelo pelos pode poderia podem poderiam por porém porque posso pouco pra praticamente \
               precisa preciso próximo qual quais qualquer quando quanto quantos quase que quê quem quer queria \
               quero receber recebi saber se seja sem sempre sendo ser será seu seus si sim sob sobre sou sua \
               suas só também tão tarde te tem têm temos tenho ter teve tinha toda todas todo todos tu tudo um \
               uma umas uns vai várias vários vem ver vez vocês você vou noite vcs vc tá ola ta prezados \
               cumprimentos abraço cliente enviar funciona funcionam abro abrir comprei pedi paguei pagar espero \
               esperando mudar trocar responde respondem trava",
        weak: "ajuda ano anos caso clientes coisas dúvida gente hora horas informação informações mensagem mês \
               meses minutos momento número parte pergunta pessoa pessoas problema problemas resposta semana \
               semanas tempo cancelar quebrado quebrada devolver",
        links: "de do da dos",
    },
    Table {
        code: "nl",
        stop: "heet naam aan achter al alle alleen alles als altijd andere ben bent beste bij bijna binnen blijft daar \
               daarna daarom dag dan dank dankje dat de deze die dit doe doen doet door dus echt een eens eerder \
               eerst eigenlijk elke en er erg ergens even ga gaan gaat geef geen gegeven gehad gekregen geleden \
               geven gewoon goed goede goedemorgen goedemiddag goedenavond graag groet groeten had hadden hallo \
               heb hebben hebt heeft heel hele hem hen het hier hij hoe hoi hun iedereen iemand iets ik in \
               inmiddels is ja je jij jou jouw jullie kan kon konden komt kreeg krijg krijgen krijgt kun kunnen \
               kunt laat laatste langer later mag maar maken maakt me meer mee meest men met mij mijn misschien \
               moest moet moeten moment morgen na naar nadat natuurlijk nee net niemand niet niets nieuw nieuwe \
               nodig nog nooit nou nu of om omdat onder ons onze ook op over per sinds snel soms staat steeds te \
               tegen terug toch toen tot tussen uit uw vaak van vandaag vanaf veel via vind vinden volgende voor \
               vraag vriendelijke waar waarom waren was wat we weer weet weg wel welke werd weten wie wij wil \
               willen wilt wilde word worden wordt wou zal ze zeer zeg zelf zich zie zien zij zijn zin zo zoals \
               zonder zou zouden gisteren alstublieft alsjeblieft bedankt jammer terwijl zegt zeggen werkt \
               werken bezorgd gekocht betaald wacht wachten wijzigen sturen stuur antwoordt opent lukt geeft",
        weak: "antwoord bericht dagen ding dingen geval hulp info informatie jaar klant klanten keer maand \
               maanden mensen minuten nummer persoon probleem problemen tijd uur vragen week weken geleverd \
               besteld annuleren kapot",
        links: "van",
    },
    Table {
        code: "pl",
        stop: "nazywam imię nazwisko a aby ale albo ani aż bardzo bez bo bowiem by być był była było były chcę chciałabym chciałbym ci \
               ciągle co cokolwiek coś czego czemu czy czyli dalej dla dlaczego do dobry dobrze dostałam \
               dostałem dwa dziękuję dzień dziś dzisiaj dzieńdobry gdy gdzie go i ich ile im inna inne inny iż \
               ja jak jaka jaki jakie jako jakoś je jeden jedna jednak jego jej jest jestem jeszcze jeśli jeżeli \
               już każdy kiedy kiedyś kim kto która które którego której który którzy ku lecz lub ma mam mamy \
               mają mi mieć mimo mną mnie moc mogą mogę moi moim moja moje mojego mojej może możecie możemy \
               można mój mu musi muszę my na nad nam nami nas nasz nasza nasze natomiast nawet nic nich nie \
               niech niego niej niestety nigdy nim niż no nowy nowa o od oczywiście około on ona one oni oraz \
               państwo państwa pan pani panie po pod pomimo ponieważ ponad poza pozdrawiam potem potrzebuję \
               proszę przed przede przez przy raz również są się siebie skąd sobie sposób swoje swój szanowni ta \
               tak taka taki takie także tam te tego tej ten teraz też to tobą tobie toteż trzeba tu tutaj twoja \
               twoje twój ty tych tylko tym u w was wasz wasza we wczoraj według wiele więc więcej wie wiem \
               witam wszystkich wszystko wtedy wy z za zaś zawsze ze został została znowu znów cześć hej dni \
               jutro dość dlatego bardziej chyba jakiś jakieś przyszło przyszła przyszedł działa działają \
               dostarczył dostarczono zamówiłam zamówiłem kupiłam kupiłem zapłaciłam zapłaciłem czekam zmienić \
               wysłać przysłać zwrócić otworzyć odpowiada",
        weak: "czas czasu godzin godziny informacja informacje klient kwestia miesiąc miesiące minut numer \
               odpowiedź osoba osoby pomoc problem problemy pytanie rok roku rzecz sprawa tydzień tygodnie \
               tygodni wiadomość anulować uszkodzony zepsuty",
        links: "",
    },
    Table {
        code: "ru",
        stop: "зовут имя фамилия большое большая большой а без бы был была были было быть в вам вами вас ваш ваша ваше ваши вдруг ведь весь во вообще вот \
               вообщем впрочем все всегда всего всей всем всех всё всю вы где говорит да давно даже два делать \
               для день до добрый должен другой его ей ему если есть ещё еще ею её ж же жду за завтра зачем \
               здесь здравствуйте и из или им иногда их к каждый как какая какие какой ко когда кого конечно \
               кому который которая которые которое кто куда ли либо лучше меня мне много могу могут может можно \
               мой моя моё мои моего моей моему мочь мы на над надо найти нам нас наш не него нее ней нельзя нет \
               неё ни нибудь никак никогда никто ним них ничего но ну нужен нужна нужно нужны о об один одна оба \
               ок он она они оно опять от отправить ответьте очень перед по под подскажите пожалуйста пока \
               получил получила получить помогите после потом потому почему почти при привет придет придёт про \
               просто прошу раз разве с сам сама сами своей свою свой сделать себе себя сегодня сейчас сих \
               скажите сколько со совсем спасибо так такая также такие такой там тебе тебя тем теперь то тобой \
               тогда того тоже той только том тот тут ты у уже узнать утро хорошо хотел хотела хотелось хочу \
               чего чем через что чтоб чтобы чуть эта эти этим этих это этого этой этом этот эту я является \
               вчера недавно уважением уважаемые дня можете работает пришел пришла пришло хотя мою моих моими \
               работают потерял потеряли заказал заказала купил купила оплатил оплатила изменить поменять \
               доставили привезли отвечает отвечают открывается пишет приходит ждать прийти открыть",
        weak: "вопрос вопросы время год года дело день дней информация клиент люди месяц месяца минут номер \
               ответ помощь проблема проблемы сообщение неделю неделя недели недель час часа часов человек \
               вернуть отменить сломался",
        links: "",
    },
    Table {
        code: "uk",
        stop: "звати ім'я а або адже але б без би був була були було бути в вам вами вас ваш ваша ваше ваші вже ви вибачте \
               все всі всіх від він вона вони воно вчора г де давно день для до добрий дуже дякую є його її ж же \
               за завжди завтра замість зараз з зі звичайно і із інший інша інші їй їм їх й кілька коли кого \
               кожен куди ледве лише майже мене мені ми мій між мною могла можу може можна можуть моя моє мої \
               мого моєї моєму на навіть над нам нас наш наша не нема немає неї нею ні ніколи ніхто нічого ним \
               них но ну о об один одна од ось отже отримав отримала отримати перед під після по побачити поки \
               потім потрібен потрібна потрібно прийшов прийшла прийшло привіт при про прошу підкажіть просто \
               раз сам сама свій своє свою себе скажіть скільки сьогодні та так така також такий там твій твоя \
               те тебе тепер ти тим тих то тобі тоді того той тому треба тут у усе усі хто хотів хотіла хочу \
               хоча це цей ця ці цього цьому чого чому чи через чекаю що щоб як яка який яке які якщо я ще вітаю \
               доброго дня ранку вечора будь ласка повагою шановні допоможіть дізнатися працює працюють \
               відкриває відкривається замовив замовила купив купила оплатив оплатила змінити доставили загубив \
               відповідає відповідають приходить чекати відкрити",
        weak: "відповідь година години днів допомога інформація клієнт люди місяць місяці номер питання \
               повідомлення проблема проблеми рік року справа тиждень тижні тижнів хвилин час часу повернути \
               скасувати",
        links: "",
    },
    Table {
        code: "sv",
        stop: "heter namn aldrig all alla allt alltid alltså att av bara behöver bli blir blev blivit borde bra både dag \
               dagar de dem den denna deras dess det detta dig din dina ditt dock du där därför då efter \
               eftersom ej eller en ett enligt er era ert fick får få fått finns flera fler fram från för före \
               först ge genom gick ger god goda gör göra gjort gärna går gå ha hade han har hej hejsan hela \
               heller henne hennes hit hjälpa hon honom hos hur här i ibland idag igen igår ikväll imorgon in \
               ingen inget inga innan inte ja jag ju just jätte kan kanske kom komma kommer kommit kunde kunna \
               kvar lite ligger låta länge mer mest med medan mellan men mig min mina mindre mitt mot mycket \
               många måste mår nej ni nog nu något någon några när nya ny nästa nästan och också om oss på redan \
               rätt sedan senast ser ses sig sin sina sitt ska skall skicka skickat skulle snart snälla snabbt \
               som står så sådan säga säger tack tar ta till tills tillbaka tro tror trots under upp ut utan vad \
               var vara varför varit varje vars vart vem vet veta vi vid vilka vilken vilket vill ville väl \
               väldigt vänlig vänliga vänligen vår våra vårt är än ändå ännu åt över morgon kväll hälsning \
               hälsningar mvh undrar fungerar fungera köpt köpte betalat betalade ändra beställa väntar vänta \
               svarar öppna fel",
        weak: "fråga frågor gång hjälp info information kund kunder meddelande minuter månad månader människor \
               nummer person problem sak saker svar tid timmar timme vecka veckor år beställt beställde trasig \
               avbeställa",
        links: "",
    },
    Table {
        code: "da",
        stop: "hedder navn ad af aldrig alle alt altid andet andre at bare begge behøver blev blevet blive bliver burde da \
               dag dage de dem den denne der deres derfor det dette dig din dine dit dog du efter eller en end \
               endnu er et fik få får fået fin flere for fordi forkert fra først før gerne give giver gik gjort \
               god godt gør gøre går gå ha hade har have havde hej heller hende hendes her hjælpe ham han hans \
               hos hun hurtigt hvad hvem hver hvilken hvilket hvis hvor hvordan hvorfor hvornår i idag igen ikke \
               igår imorgen imod ind ingen intet ja jeg jer jeres jo kan kom komme kommer kommet kun kunne kære \
               lade langt lidt lige man mange med meget mellem men mens mere mest mig min mindre mine mit mod må \
               måske nej ned ni noget nogen nogle nok nu ny nye når nær og også om op os over på sagt samme se \
               sendt sende ser selv sidste siden sig sige siger sin sine sit skal skulle som snart stadig står \
               så sådan tag tage tager tak tilbage til tro tror ud uden under var vare vel ved venlig venlige \
               venligst vi vide vil ville vor vores være været hilsen mvh morgen aften virker virke modtaget \
               købt købte betalt betalte ændre bestille venter vente svarer åbne",
        weak: "besked gang hjælp info information kunde kunder minutter måned måneder nummer person problem \
               problemer spørgsmål svar sag ting tid time timer uge uger år bestilt bestilte afbestille",
        links: "",
    },
    Table {
        code: "no",
        stop: "heter navn alle allerede alltid alt andre at av bare begge ble blei blitt bli blir bra burde bør både da dag \
               dager de dem den denne der deres derfor det dette deg din dine ditt dra du dere eg ein eit eller \
               en enda enn er et etter fikk få får fått fin finnes flere for fordi forrige fra først før gang \
               gikk gi gir gjerne gjort gjør gjøre god godt går gå ha hadde han hans har hei heisann hele henne \
               hennes her hjelpe hos hun hva hvem hver hvilken hvilket hvis hvor hvordan hvorfor i idag igjen \
               ikke ikkje imorgen inn ingen inni innen jeg ja jo kan kanskje kom komme kommer kommet kun kunne \
               kva kvar la lenge litt man mange med meg mellom men mens mer mest min mindre mine mitt mot mye må \
               måtte na når nei ned noe noen nok nå ny nye nær og også om opp oss over på samme se sender sendt \
               sende ser selv seg si sin siden sier sine siste sitt skal skulle snart som står så sånn ta takk \
               tar tilbake til tro tror trenger under ut uten var veldig vel ved vennlig vi vil ville vite vær \
               være vært våre vår vårt hilsen mvh igår morgen kveld virker virke fungerer mottatt kjøpt kjøpte \
               betalt betalte endre bestille venter vente svarer åpne",
        weak: "beskjed hjelp info informasjon kunde kunder melding minutter måned måneder nummer person problem \
               problemer sak spørsmål svar ting tid time timer uke uker år bestilte bestilt avbestille ødelagt",
        links: "",
    },
    Table {
        code: "fi",
        stop: "nimeni nimi aika aina ainakin alla ap edes ehkä ei eikä eilen ole eli emme en enemmän enkä ennen entä eri \
               että et ette hei heidän heille heitä he hyvin hyvä hyvää häneen hänelle hänen hän ihan ilman itse \
               ja jo joka jokin joku jolla jonka jos joskus jota jotain jotka kaikki kai kanssa kautta keneltä \
               kenelle kerran kiitos kiitoksia koko koska koskaan kuin kuinka kuitenkin kuka kun kuten kyllä \
               kysyä kysyisin lisää luulen me meidän meille meni mennyt menee mihin mikä miksi millainen milloin \
               minkä minulla minulle minun minut minä minua missä mistä mitä miten moi moni mua mulla mulle mun \
               muita mukaan mutta muu myös myöhemmin mä nämä ne niiden niin niitä no noin nopeasti nyt näin olen \
               olet oli olisi olin olit olivat olla olleet ollut on onko osa ovat paitsi paljon pitäisi pitää \
               päivä päivää päälle saa saada saan saanut sain se sekä sen siis siihen siinä siitä sillä silti \
               sinulla sinun sinä sitten sitä sama taas tai takaisin tarvitsen te teidän teille teitä tehdä tein \
               teki tervehdys terve terveisin tiedä tietää tulee tulla tuli tullut tuo tähän tämä tämän tänään \
               tässä tästä uudelleen uusi vaan vai vaikka vain vasta vielä viime voi voin voisi voisiko \
               voisitteko voitte voitteko voiko yli ystävällisin huomenna haluan haluaisin toimi toimii saapunut \
               saapui ostin tilasin maksoin odotan odottaa muuttaa vaihtaa avata vastaa vastata lähettää \
               lähetetty",
        weak: "apu apua asia asiaa asiakas asian kuukausi kuukautta kysymys minuuttia numero ongelma ongelmia \
               tieto tietoa tunti tuntia vastaus viesti viikko viikkoa viikon vuosi vuotta peruuttaa rikki \
               palauttaa",
        links: "",
    },
    Table {
        code: "cs",
        stop: "jmenuji jméno a aby aj ale anebo ani ano asi až bez bude budou budu by byl byla byli bylo bych byste být co což \
               čekám či chci chtěl chtěla chtěli dál dále dělat den dnes do dobrý dobrá dobře dostal dostala \
               další děkuji díky ho i já jak jaká jaké jaký jako je jeho jej její jejich jen jenom jenž ještě ji \
               jiná jiný jsem jsi jsme jsou jste k kam kde kdo kdy když ke kolik která které který kteří ku \
               kvůli má mají mám máme máte mě mezi mi mít mně mnou moc mohl mohla mohu moje mojí moji můj můžete \
               můžu může my na nad nám námi nás náš naše ne nebo nebyl neboť nechci někdo něco některý nejsem \
               není nemám než nic nich nikdy ním no nová nový o od on ona oni ono opět pak po pod podle pokud \
               poslat potom potřebuji pouze prosím proč protože před přede přes přesto při přišel přišla přišlo \
               rád ráda s se sebe si sice snad sobě stále své svůj ta tady tak také takže tam tato te tě ten \
               tedy tento teď tím to toho tohle toto tomu tu tuto tvůj ty u už v vám vámi vás váš vaše ve včera \
               všechno vše všech všichni vy z za zase zatím zda zde ze zítra že ahoj pozdravem nashledanou večer \
               ráno funguje nefunguje vědět zjistit koupil koupila objednal objednala zaplatil zaplatila čekat \
               změnit poslal poslali doručen doručena otevřít odpovídá píše nepřišel nepřišla nepřišlo",
        weak: "čas času číslo dní dny dotaz hodin hodiny informace lidé měsíc měsíce minut odpověď osoba pomoc \
               problém problémy rok roku týden týdny věc zákazník zpráva zrušit vrátit",
        links: "",
    },
    Table {
        code: "tr",
        stop: "adım ismim acaba ama ancak artık asla aslında ayrıca az bana bazı belki ben benden beni benim beri bile bir \
               biraz birkaç birçok biri birşey biz bizden bize bizi bizim böyle bu buna bunda bundan bunlar bunu \
               bunun burada bütün çok çünkü da daha dahi de defa değil diğer diye dolayı dün eğer en etmek etti \
               evet fakat falan gibi geldi geliyor gelmedi gelen gün günler gerek gerekiyor göre günaydın hala \
               halde hangi hani hatta hayır hem henüz hep hepsi her herhangi herkes hiç hiçbir için ile ilgili \
               ise istiyorum istiyoruz işte iyi kadar kaç karşı kendi kez ki kim kime kimi kimse lazım lütfen \
               merhaba merhabalar mı mi mu mü musunuz mısınız misiniz müsünüz nasıl ne neden nedir nerede nereye \
               nesi niçin niye o olan olarak oldu olduğu olduğunu olmadı olmak olması olsa olsun olur on ona \
               ondan onlar onu onun orada oysa pek sadece sanki sana sayın sefer selam sen senin siz sizden size \
               sizi sizin son sonra şey şeyler şimdi şu şuna tabii tam tamam tekrar teşekkürler teşekkür tüm \
               üzere var vardı ve veya ya yani yapmak yapıyor yapılan yarın yeni yerine yine yok yoksa zaten abi \
               arkadaşlar bugün akşamlar saygılar ederim ediyorum aldım alamadım bekliyorum rica etmedi edildi \
               çalışmıyor çalışıyor verdim satın ödedim değiştirmek bekliyoruz açılmıyor gönderdim gönderildi \
               ulaşmadı teslim",
        weak: "ay bilgi cevap dakika destek gün hafta haftadır kişi konu mesaj müşteri numara problem saat soru \
               sorun sorunu yardım yıl zaman iptal iade bozuk",
        links: "",
    },
    Table {
        code: "ar",
        stop: "اسمي أنا انا أنت انت انتم نحن هو هي هم هذا هذه ذلك تلك هؤلاء الذي التي الذين ما ماذا متى أين اين كيف \
               لماذا ليش كم هل من إلى الى على علي عن في مع حتى منذ بعد قبل عند عندي عندكم لدي لديكم بين تحت فوق \
               ضد بدون غير سوى كل كان كانت يكون تكون ليس ليست لا لم لن قد لقد إن ان أن أو او أم ثم و ف ب ل ك لكن \
               لكنه بل إذا اذا لو لأن لان كما مثل أيضا ايضا جدا فقط الآن الان اليوم أمس امس غدا هنا هناك شكرا \
               شكراً مرحبا أهلا اهلا السلام عليكم وعليكم صباح مساء الخير الرجاء رجاء أرجو ارجو سمحت سمحتم فضلك \
               فضلكم أريد اريد أود اود ممكن يمكن يمكنني يمكنكم استطيع أستطيع بي لي له لها لهم لنا لكم لك به بها \
               فيه فيها منه منها عليه عليها إليه إليكم شيء شي اي أي أية بعض نفس أكثر اكثر أقل مرة مره دائما أبدا \
               ابدا نعم تم يتم صار وصل وصلت يصل تصل وصلني وما ولا وهو وهي ولم وقد ومن وفي هاي بدي عايز عاوز ايش \
               شو وين لسه جديد جديدة كثيرا كثير يا أستلم استلم استلمت يعمل تعمل اشتريت طلبت دفعت أنتظر انتظر \
               تغيير فتح يفتح أرسلت تأخر",
        weak: "أسبوع اسبوع أسبوعين اسبوعين استفسار أيام ايام يوم رقم ساعة ساعات سؤال شخص شهر مساعدة مشكلة \
               معلومات وقت سنة رسالة رد إلغاء",
        links: "",
    },
    Table {
        code: "hi",
        stop: "नाम अगर अपना अपनी अपने अब अभी आज आदि आप आपका आपकी आपके आपको आया आयी आई आए इतना इन इस इसका इसकी इसके \
               इसको इसलिए इसे उन उनका उनकी उनके उस उसका उसकी उसके उसे एक ऐसा ऐसे और कई कब कभी कर करना करता करते \
               करने करें करो का काफी कि किया किस किसी की कुछ के कैसे को कोई कौन क्या क्यों कृपया गया गई गए चाहता \
               चाहती चाहिए जब जहाँ जा जाता जाती जी जैसे जो तक तथा तब तरह तो था थी थे दिया दी दे देना दें दो \
               द्वारा धन्यवाद न नमस्ते नमस्कार नहीं ना नया नयी नई नीचे ने पर पहले पास फिर बहुत बात बाद बार बारे \
               बिना बताएं बताइए बता भी मगर मत मिल मिला मिली मुझे मुझको में मेरा मेरी मेरे मैं मैंने मैने यदि यह \
               यहाँ या ये रहा रही रहे लिए लेकिन लेना वह वहाँ वाला वाली वाले वे वो शुक्रिया सकता सकती सकते सब सभी \
               साथ से हम हमारा हमारी हमारे हमें हाँ ही हुआ हुई हुए है हैं हो होगा होगी होता होती होते होना हूँ \
               हूं कल अच्छा ठीक सर मैडम खरीदा मंगाया बदलना खोल खुल भेजा भेजें पहुंचा",
        weak: "घंटे जवाब जानकारी दिन नंबर मदद महीने लोग व्यक्ति सप्ताह समय समस्या सवाल साल हफ्ते संदेश रद्द",
        links: "",
    },
];
